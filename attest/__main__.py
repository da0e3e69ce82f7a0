"""`python -m attest` is the command `attest`."""

from attest.cli.main import main

main()
