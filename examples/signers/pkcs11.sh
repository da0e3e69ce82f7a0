#!/bin/sh
# Signs with a P-256 key on a PKCS#11 token: a smart card, a hardware module, SoftHSM.
#
#   attest sign EVALUATION --model MODEL --key 'exec:examples/signers/pkcs11.sh MODULE TOKEN LABEL'
#
# MODULE is the library of the token's maker, such as libsofthsm2.so. pkcs11-tool (OpenSC) asks for
# the PIN on the terminal; where nobody can type it, the variable PKCS11_PIN holds it.
set -eu
module=$1 token=$2 label=$3
tool() { pkcs11-tool --module "$module" --token-label "$token" --label "$label" "$@" >&2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $4 in
    public-key)
        tool --read-object --type pubkey --output-file "$work/key.der"
        openssl pkey -pubin -inform DER -in "$work/key.der" -pubout
        ;;
    sign)
        # Tokens sign a digest; --signature-format openssl writes DER.
        openssl dgst -sha256 -binary -out "$work/digest"
        set -- --login --sign --mechanism ECDSA --signature-format openssl \
            --input-file "$work/digest" --output-file "$work/signature"
        if [ -n "${PKCS11_PIN:-}" ]; then
            tool "$@" --pin env:PKCS11_PIN
        else
            tool "$@" </dev/tty
        fi
        openssl base64 -A -in "$work/signature"
        ;;
    *) echo "pkcs11.sh: expected public-key or sign, found $4" >&2 && exit 2 ;;
esac
