#!/bin/sh
# Writes sections.txt: the section numbers of RFCs, for the test that checks citations.
# Usage: generate.sh DIRECTORY-OF-RFC-TEXTS NUMBER... >sections.txt
set -eu
dir=$1
shift
echo "# Made by generate.sh: one RFC per line, then its section numbers."
for rfc in $(printf '%s\n' "$@" | sort -n | uniq); do
    # A heading begins a line, or in old documents is indented a little in the table of contents only.
    sections=$(tr -d '\r\f' <"$dir/rfc$rfc.txt" |
        sed -nE 's/^ {0,6}(Appendix )?([0-9]{1,2}(\.[0-9]{1,2})*|[A-Z](\.[0-9]{1,2})*)(\.? +["A-Za-z0-9({]|\.["A-Za-z({]| - ).*/\2/p' |
        sort -Vu | tr '\n' ' ')
    echo "$rfc:${sections% }"
done
