"""The arithmetic of every rule that a license can state: numbers in, decisions and bounds out.

What decides is exact, in integers and rationals of the standard library alone, hence the same on
every machine; what only illustrates is a float and says so by its type. Throughout, `tau` is the
largest rate that is allowed and `alpha` the probability, one-sided, of passing a model that is
above it.

| rule                     | what decides                             | what is reported beside   |
|--------------------------|------------------------------------------|---------------------------|
| failures among items     | passes, fails, max_failures, upper_bound | clopper_pearson_*, wilson |
| behaviours with prompts  | by_cluster, then the row above           | korn_graubard_upper       |
| scores in [0, 1]         | passes_total, fails_total, max_total     | kl_upper                  |
| no worse than the base   | is_not_inferior, is_inferior             | tango_*, newcombe_paired  |
| a judge that errs        | passes_corrected, fails_corrected        | lang_reiczigel            |
| several alleged failures | holm                                     |                           |
| a run that stops early   | EProcess                                 |                           |
| audits and spot checks   | most_hidden, detection_probability       |                           |
"""

from __future__ import annotations

from attest.license.statistics.clusters import (
    Tally,
    by_cluster,
    design_effect,
    korn_graubard_upper,
)
from attest.license.statistics.early_stopping import EProcess
from attest.license.statistics.judge_error import (
    corrected_upper_bound,
    fails_corrected,
    lang_reiczigel,
    least_rate,
    passes_corrected,
    rogan_gladen,
)
from attest.license.statistics.multiplicity import holm
from attest.license.statistics.non_inferiority import (
    difference_upper_bound,
    is_inferior,
    is_not_inferior,
    max_worse,
    min_worse,
    prompts_needed,
)
from attest.license.statistics.paired import (
    mcnemar_exact,
    mcnemar_midp,
    newcombe_paired,
    tango_non_inferiority,
    tango_paired,
)
from attest.license.statistics.rates import (
    BOUND_PLACES,
    Interval,
    clopper_pearson_lower,
    clopper_pearson_upper,
    fails,
    max_failures,
    min_failures,
    passes,
    required_n,
    upper_bound,
    wilson,
)
from attest.license.statistics.scores import (
    SCORE_PLACES,
    empirical_bernstein_upper,
    fails_total,
    kl_upper,
    max_total,
    mean_upper_bound,
    passes_total,
)
from attest.license.statistics.search import first, last, rough_upper
from attest.license.statistics.spot_checks import (
    detection_probability,
    most_hidden,
    sample_size,
    smallest_caught,
)

__all__ = [
    "BOUND_PLACES",
    "SCORE_PLACES",
    "EProcess",
    "Interval",
    "Tally",
    "by_cluster",
    "clopper_pearson_lower",
    "clopper_pearson_upper",
    "corrected_upper_bound",
    "design_effect",
    "detection_probability",
    "difference_upper_bound",
    "empirical_bernstein_upper",
    "fails",
    "fails_corrected",
    "fails_total",
    "first",
    "holm",
    "is_inferior",
    "is_not_inferior",
    "kl_upper",
    "korn_graubard_upper",
    "lang_reiczigel",
    "last",
    "least_rate",
    "max_failures",
    "max_total",
    "max_worse",
    "mcnemar_exact",
    "mcnemar_midp",
    "mean_upper_bound",
    "min_failures",
    "min_worse",
    "most_hidden",
    "newcombe_paired",
    "passes",
    "passes_corrected",
    "passes_total",
    "prompts_needed",
    "required_n",
    "rogan_gladen",
    "rough_upper",
    "sample_size",
    "smallest_caught",
    "tango_non_inferiority",
    "tango_paired",
    "upper_bound",
    "wilson",
]
