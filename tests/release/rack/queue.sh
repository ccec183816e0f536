#!/bin/busybox sh
# A stand-in for a queue consumer: counts up an offset that it keeps in /data, and answers on port 8080.
# /MODE, or the variable MODE, says what is wrong with this release: good, crash, sick, deaf, stuck or anew
# (it forgets where it stood).
bb=/bin/busybox
version=$($bb cat /VERSION)
mode=${MODE:-$($bb cat /MODE)}
echo "$version: starting"
[ "$mode" != crash ] || { $bb sleep 0.3; echo "ERROR: no such table: annotations" >&2; exit 1; }

$bb mkdir -p /www/cgi-bin /data
echo "$version" >/www/version
cat_health='echo "Content-Type: text/plain"; echo; echo "ok '$version'"'
[ "$mode" != sick ] || cat_health='echo "Status: 500 Internal Server Error"; echo; echo broken'
printf '#!/bin/busybox sh\n%s\n' "$cat_health" >/www/cgi-bin/health
$bb chmod 755 /www/cgi-bin/health

if [ "$mode" = deaf ]; then
    trap '' TERM
else
    trap 'echo "$version: stopped at ${offset:-0}"; exit 0' TERM
fi
$bb httpd -f -p "${PORT:-8080}" -h /www &

offset=$($bb sed -n 's/^offset: //p' /data/offset.yaml 2>/dev/null)
[ "$mode" != anew ] || offset=0
while :; do
    $bb sleep ${INTERVAL:-0.2} &
    wait $!
    [ "$mode" != stuck ] || continue
    offset=$((${offset:-0} + 1))
    echo "offset: $offset" >/data/.offset && $bb mv /data/.offset /data/offset.yaml
done
