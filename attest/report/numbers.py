"""Numbers as a person reads them."""

from __future__ import annotations

from decimal import Decimal


def percent(rate: str) -> str:
    """A decimal rate in percent, as short as it can be said: 0.05 is 5%, 0.030533 is 3.05%."""
    number = (Decimal(rate) * 100).quantize(Decimal("0.01"))
    return f"{short(f'{number:f}')}%"


def short(number: str) -> str:
    """A decimal without the zeros at the end of its fraction."""
    return number.rstrip("0").rstrip(".") if "." in number else number
