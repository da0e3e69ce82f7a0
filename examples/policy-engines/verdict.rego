# Over the JSON of `attest hub check --json`, for conftest, OPA and what else speaks Rego:
#
#   conftest test verdict.json --policy examples/policy-engines
#
# It asks for more than attest does: read bytes, an independent evaluator, and a check of today.
package main

import rego.v1

max_age_ns := ((24 * 60) * 60) * 1000000000

# A field that is missing is undefined, and what is undefined denies nothing: so each is named with
# what it is when it is not there.
state := object.get(input, "state", "no verdict")

deny contains "this is no verdict that the policy knows" if {
	object.get(input, "version", "") != "attest-listing-verdict/1"
}

deny contains message if {
	state != "passed"
	message := sprintf("%s: %s", [state, concat("; ", object.get(input, "problems", []))])
}

deny contains "only listed hashes were checked, no bytes" if {
	not object.get(input, "checked", "nothing") in {"served-bytes", "replay"}
}

deny contains "no independent evaluator measured it" if {
	object.get(input, ["verification", "believedAs"], "nobody") != "evaluator"
}

deny contains "the verdict is older than a day, or of no known time" if not is_recent

is_recent if {
	verified_at := object.get(input, ["verification", "verifiedAt"], "")
	time.now_ns() - time.parse_rfc3339_ns(verified_at) <= max_age_ns
}
