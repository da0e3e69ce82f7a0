# The large world: a foundation with several owners, licensors and laboratories. See docs/trust.md.

# Everybody has a key of his own.
for name in alice bob carol dave legal-1 legal-2 lab-a lab-b lab-c lab-d publisher; do attest keygen $name.key >/dev/null 2>&1; done

# The trust file: begun by the command, then edited.
attest trust new trust.yaml --name "Large Foundation" --owner alice.key.pub --owner bob.key.pub \
    --owner carol.key.pub --licensor legal-1.key.pub --licensor legal-2.key.pub \
    --evaluator lab-a.key.pub --evaluator lab-b.key.pub --evaluator lab-c.key.pub \
    --evaluator lab-d.key.pub --publisher publisher.key.pub
cat rules.patch
patch -s trust.yaml <rules.patch

# Two of three owners sign it.
attest trust sign trust.yaml --key alice.key
attest trust check trust.yaml
attest trust sign trust.yaml --key bob.key
attest trust check trust.yaml

# Both licensors sign the license, and a list on which nothing is revoked yet.
for name in legal-1 legal-2; do attest license sign license.yaml --key $name.key; done
attest trust revoke revoked.json --trust trust.yaml
for name in legal-1 legal-2; do attest trust sign revoked.json --key $name.key; done

# The publisher measures his model. That alone is not enough here.
attest run aligned --license license.yaml --key publisher.key --out evidence | grep -A 3 PASS
mv aligned/attestations/*.sigstore.json aligned/attestations/publisher.sigstore.json
attest verify aligned --license license.yaml --trust trust.yaml --revocations revoked.json | tail -n 1

# A laboratory replays every answer, says how deep it went, and signs the attestation too.
attest verify aligned --license license.yaml --key publisher.key.pub --level 4 --evidence evidence \
    --sign-summary lab-a.key --verifier https://lab-a.example/attest/1 \
    --summary aligned/attestations/lab-a.svr.json | grep -E "PASS|replayed|verified at"
attest countersign aligned/attestations/publisher.sigstore.json --trust trust.yaml \
    --license license.yaml --revocations revoked.json --key lab-a.key \
    --output aligned/attestations/lab-a.sigstore.json

# A laboratory that speaks for another base model does not count here.
attest countersign aligned/attestations/publisher.sigstore.json --trust trust.yaml \
    --license license.yaml --revocations revoked.json --key lab-d.key \
    --output aligned/attestations/lab-d.sigstore.json
attest verify aligned --license license.yaml --trust trust.yaml --revocations revoked.json | tail -n 1

# With the second laboratory the threshold is reached.
attest verify aligned --license license.yaml --key publisher.key.pub --level 2 --evidence evidence \
    | grep -E "PASS|verified at"
attest countersign aligned/attestations/publisher.sigstore.json --trust trust.yaml \
    --license license.yaml --revocations revoked.json --key lab-b.key \
    --output aligned/attestations/lab-b.sigstore.json
attest verify aligned --license license.yaml --trust trust.yaml --revocations revoked.json \
    --remember seen.json

# Carol loses her key. The next version names Dave; the owners of the old one must agree.
attest trust new next.yaml --name "Large Foundation" --owner alice.key.pub --owner bob.key.pub \
    --owner dave.key.pub --licensor legal-1.key.pub --licensor legal-2.key.pub \
    --evaluator lab-a.key.pub --evaluator lab-b.key.pub --evaluator lab-c.key.pub \
    --evaluator lab-d.key.pub --publisher publisher.key.pub
patch -s next.yaml <rules.patch
sed -i 's/^number: 1 /number: 2 /' next.yaml
for name in alice dave; do attest trust sign next.yaml --key $name.key; done
attest trust check next.yaml --replaces trust.yaml
attest trust sign next.yaml --key bob.key
attest trust check next.yaml --replaces trust.yaml | head -n 2

# Whoever has seen the new version does not go back.
attest verify aligned --license license.yaml --trust next.yaml --revocations revoked.json \
    --remember seen.json | grep -E "PASS|verified at"
attest verify aligned --license license.yaml --trust trust.yaml --revocations revoked.json \
    --remember seen.json | tail -n 1

# The key of a laboratory is stolen, and taken back.
attest trust revoke revoked.json --trust next.yaml --key lab-b.key.pub \
    --since 2026-01-01T00:00:00Z --reason "stolen"
for name in legal-1 legal-2; do attest trust sign revoked.json --key $name.key; done
attest verify aligned --license license.yaml --trust next.yaml --revocations revoked.json \
    --remember seen.json | tail -n 1

# A third laboratory takes its place.
attest countersign aligned/attestations/publisher.sigstore.json --trust next.yaml \
    --license license.yaml --revocations revoked.json --key lab-c.key \
    --output aligned/attestations/lab-c.sigstore.json
attest verify aligned --license license.yaml --trust next.yaml --revocations revoked.json \
    --remember seen.json | grep -v ' ✓ '
