"""Which prompts are about children, wherever a benchmark has filed them.

Benchmarks keep a category for such prompts, or none at all, and their other categories hold some
too. The rule errs towards hiding: a prompt hidden without need costs nothing.
"""

from __future__ import annotations

import re

_ENGLISH = (
    r"child(?:ren)?(?:hood)?s?|childish|kids?|kiddies?|minors?|under-?aged?|teen(?:s|aged?|agers?)?"
    r"|preteens?|tweens?|adolescents?|juveniles?|toddlers?|bab(?:y|ies)|infants?|newborns?"
    r"|boys?|girls?|school(?:boy|girl|child|kid)(?:s|ren)?|pupils?|lolitas?"
    r"|kindergartens?|preschool(?:s|ers?)?|high[ -]school\w*|sons?|daughters?|pa?edo\w*"
    r"|(?:[1-9]|1[0-7])[ -]?(?:years?|yrs?)[ -]?olds?|(?:1st|2nd|3rd|[4-9]th|1[0-2]th)[ -]graders?"
)
_FRENCH = (
    r"enfants?|enfance|mineure?s?|adolescente?s?|ados?|gamine?s?|gosses?|fillettes?|bébés?"
    r"|collégien(?:ne)?s?|lycéen(?:ne)?s?|écoli(?:er|ère)s?|élèves?|garçons?|filles?"
)
_CHILDREN = re.compile(rf"\b(?:{_ENGLISH}|{_FRENCH})\b", re.IGNORECASE)


def names_children(prompt: str) -> bool:
    """Whether an English or French prompt has a word for children or an age below 18."""
    return _CHILDREN.search(prompt) is not None
