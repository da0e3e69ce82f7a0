# The small world: a laboratory with one key. See docs/trust.md.

# Keys of the laboratory and of a publisher whom it knows.
attest keygen lab.key
attest keygen publisher.key

# The laboratory writes down whom it believes, and signs that and its license.
attest trust new trust.yaml --name "Small Laboratory" --owner lab.key.pub --licensor lab.key.pub \
    --publisher publisher.key.pub
attest trust sign trust.yaml --key lab.key
attest license sign license.yaml --key lab.key
attest trust check trust.yaml

# The publisher measures and signs; his results are the same with or without a trust file.
attest run aligned --license license.yaml --key publisher.key --out evidence | grep -A 3 PASS

# Anybody verifies, who has the laboratory's trust file.
attest verify aligned --license license.yaml --trust trust.yaml

# What a stranger signs is not believed.
attest keygen stranger.key
attest sign evidence --output elsewhere --key stranger.key
attest verify aligned --license license.yaml --trust trust.yaml --bundle elsewhere | tail -n 1

# Neither is a license that somebody has changed.
cp license.yaml eased.yaml
sed -i 's/threshold: "0.15"/threshold: "0.9"/' eased.yaml
attest verify aligned --license eased.yaml --trust trust.yaml | tail -n 1

# A hub sums up what it has verified. Whoever gives it the role takes its word for these files.
attest keygen hub.key
attest verify aligned --license license.yaml --trust trust.yaml --sign-summary hub.key \
    --verifier https://hub.example/attest/1 --summary aligned.svr.json | grep -E "PASS"
attest show aligned.svr.json
attest trust new hubs.yaml --name "Small Laboratory and a Hub" --owner lab.key.pub \
    --licensor lab.key.pub --publisher publisher.key.pub --hub hub.key.pub
attest trust sign hubs.yaml --key lab.key
attest verify aligned --license license.yaml --trust hubs.yaml --believe aligned.svr.json
attest verify aligned --license license.yaml --trust trust.yaml --believe aligned.svr.json | tail -n 1
