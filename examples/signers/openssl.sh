#!/bin/sh
# Signs with a key file through openssl: the smallest whole signer, to copy and to change.
#
#   attest sign EVALUATION --model MODEL --key 'exec:examples/signers/openssl.sh attest.key'
#
# For a P-256 key; P-384 and P-521 take -sha384 and -sha512.
set -eu
key=$1
case $2 in
    public-key) openssl pkey -in "$key" -pubout ;;
    sign) openssl dgst -sha256 -sign "$key" | openssl base64 -A ;;
    *) echo "openssl.sh: expected public-key or sign, found $2" >&2 && exit 2 ;;
esac
