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
