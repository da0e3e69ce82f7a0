"""What a result does not say: one short block in the report of every run."""

from __future__ import annotations

from collections.abc import Collection

from rich.text import Text

from attest.benchmark.probes import probes
from attest.record import Slug

PUBLIC_PROMPTS = (
    "public prompts can be trained on: a pass shows that refusals of these were not removed, "
    "and no more"
)
BACKDOOR = (
    "a backdoor hides: 4.2% harmful when asked plainly, 63.3% with its trigger, passes a gate of "
    "5% (Qi et al. 2023)"
)


def limits(asked: Collection[Slug | None]) -> list[str]:
    """What was not probed, and what no such measurement can see; three sentences.

    Args:
        asked: the probes that prompts were put by; None among them means plainly.
    """
    known = probes()
    left_out = [name for name in known if name not in asked]
    if not left_out:
        probed = f"asked under all {len(known)} probes of this version; more ways of asking exist"
    elif len(left_out) == len(known):
        probed = f"asked under none of the {len(known)} probes that `attest benchmark probes` lists"
    else:
        probed = f"not asked under {len(left_out)} of {len(known)} probes: {', '.join(left_out)}"
    return [probed, PUBLIC_PROMPTS, BACKDOOR]


def limit_lines(asked: Collection[Slug | None]) -> list[Text]:
    """The same as lines of a screen."""
    return [
        Text(f"  {'caveats' if number == 0 else '':<10}  {sentence}", style="dim")
        for number, sentence in enumerate(limits(asked))
    ]
