"""The command line: parse, call one verb, report, exit."""

import os

# Records are validated here as they are written. A plugin that another package brings could see and
# change that, and looking for one costs a tenth of the time that `verify` takes.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
