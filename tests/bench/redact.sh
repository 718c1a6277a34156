#!/bin/sh
# Throughput and peak memory of `tars redact` on a generated mixed log, against `sed` with five
# rules, in one run: tests/bench/redact.sh [MB] [RUNS]. Prints medians; the last line is the verdict.
set -eu
mb=${1:-500} runs=${2:-3}
tars=${TARS:-target/x86_64-unknown-linux-gnu/release/tars}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/five.sed" <<'EOF'
s/\(password\|passwd\|secret\|token\|api_key\)\([=:]["' ]*\)[^ "',;&]*/\1\2[REDACTED]/Ig
s/Bearer [A-Za-z0-9._-]*/Bearer [REDACTED]/g
s#://\([^:/@ ]*\):[^@/ ]*@#://\1:[REDACTED]@#g
s/eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*/[REDACTED]/g
s/[A-Za-z0-9]\{40,\}/[REDACTED]/g
EOF
python3 - "$mb" "$work/log" "$work/env" <<'EOF'
import random, string, sys
R = random.Random(20260610); mb = int(sys.argv[1])
an = lambda n: ''.join(R.choices(string.ascii_letters + string.digits, k=n))
hx = lambda n: ''.join(R.choices('0123456789abcdef', k=n))
known = [an(24) for _ in range(6)]
open(sys.argv[3], 'w').write(''.join(f'KEY_{i}_SECRET={v}\n' for i, v in enumerate(known)))
words = 'the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one you were all her she there would their we him been has when who will more no if out so said what up its about into than them can only other new some could time these two may then do first any my now such like our over man me even most made after also did many before must through'.split()
prose = lambda n: ' '.join(R.choices(words, k=n))
ts = lambda: f'2026-06-{R.randint(1,28):02d} {R.randint(0,23):02d}:{R.randint(0,59):02d}:{R.randint(0,59):02d},{R.randint(0,999):03d}'
lines = [
  lambda: f'{ts()} INFO backend.rag: query answered in {R.randint(80,9000)} ms, {R.randint(3,12)} passages, request_id={hx(8)}-{hx(4)}-{hx(4)}-{hx(4)}-{hx(12)}',
  lambda: f'{ts()} DEBUG backend.index: chunk {R.randint(1,9999)} of doc {hx(40)}: {prose(14)}',
  lambda: f'INFO:     192.168.1.{R.randint(2,250)}:{R.randint(30000,60000)} - "GET /api/documents?limit=20&offset={R.randint(0,900)} HTTP/1.1" 200 OK',
  lambda: '{"ts":"%s","level":"info","msg":"%s","service":"tars-home-backend","duration_ms":%d,"trace_id":"%s"}' % (ts(), prose(9), R.randint(1,999), hx(32)),
  lambda: '{"log":"{\\"level\\":\\"debug\\",\\"msg\\":\\"%s\\",\\"n\\":%d}\\n","stream":"stderr","time":"2026-06-10T08:15:%02d.%09dZ"}' % (prose(8), R.randint(1,99), R.randint(0,59), R.randint(0,10**9-1)),
  lambda: f'ollama[{R.randint(500,9000)}]: time=2026-06-10T22:26:03.933Z level=INFO source=sched.go:{R.randint(100,900)} msg="{prose(7)}" model=/root/.ollama/models/blobs/sha256-{hx(64)}',
  lambda: f'{ts()} UTC [{R.randint(50,999)}] LOG:  checkpoint complete: wrote {R.randint(1,500)} buffers ({R.random()*3:.1f}%); write={R.random()*30:.3f} s, sync={R.random():.3f} s',
  lambda: f'1:M 10 Jun 2026 20:45:04.{R.randint(0,999):03d} * {R.randint(1,100)} changes in {R.randint(60,900)} seconds. Saving...',
  lambda: f'kernel: [{R.random()*99999:.6f}] docker0: port {R.randint(1,5)}(veth{hx(7)}) entered forwarding state',
  lambda: f'{ts()} INFO llama: prompt eval time = {R.random()*999:.2f} ms / {R.randint(5,900)} tokens ( {R.random()*9:.2f} ms per token, {R.random()*99:.2f} tokens per second)',
  lambda: f'tars-home-backend  | {ts()} WARN auth: {prose(6)} for user "alice" session timeout after 1800 s',
  lambda: f'{ts()} ERROR chroma: {prose(10)} collection=tars_home_documents count={R.randint(1,99999)}',
]
secret = [
  lambda: f'{ts()} DEBUG env dump: POSTGRES_PASSWORD={an(20)} POSTGRES_PORT=5432',
  lambda: f'{ts()} WARN retry postgresql://tars:{an(24)}@postgres:5432/tars_home',
  lambda: f'> Authorization: Bearer {an(40)}',
  lambda: f'{ts()} ERROR upstream rejected {"gh" + "p_"}{an(36)} with HTTP 401',
  lambda: '{"ts":"%s","db_password":"%s","host":"postgres"}' % (ts(), an(18)),
  lambda: f'{ts()} DEBUG argv {R.choice(known)} rc=0',
]
piece = ''.join((R.choice(secret) if R.random() < .02 else R.choice(lines))() + '\n' for _ in range(60000)).encode()
with open(sys.argv[2], 'wb') as out:
    left = mb * 10**6
    while left > 0: out.write(piece[:left]); left -= len(piece)
EOF
# median MAXRSS-KB SECONDS of a filter
measure() {
  python3 - "$runs" "$work/log" "$@" <<'EOF'
import os, resource, statistics, subprocess, sys, time
runs, log, cmd = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
t = []
for _ in range(runs):
    with open(log, 'rb') as f, open(os.devnull, 'wb') as n:
        a = time.time(); subprocess.run(cmd, stdin=f, stdout=n, check=True); t.append(time.time() - a)
print(f'{os.path.getsize(log) / 1e6 / statistics.median(t):.1f} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.1f}')
EOF
}
set -- $(measure "$tars" redact --env-file "$work/env"); speed=$1 memory=$2
echo "tars redact:        $speed MB/s, $memory MB peak"
set -- $(LC_ALL=C.UTF-8 measure sed -f "$work/five.sed"); utf=$1
echo "sed, five rules:    $utf MB/s"
set -- $(LC_ALL=C measure sed -f "$work/five.sed"); c=$1
echo "sed, LC_ALL=C:      $c MB/s"
awk -v s="$speed" -v u="$utf" -v c="$c" -v m="$memory" -v mb="$mb" -v r="$runs" \
  'BEGIN { printf "redact: %s MB/s (%.1f x sed, %.1f x sed in the C locale), %s MB peak; medians of %s on %s MB\n", s, s / u, s / c, m, r, mb }'
