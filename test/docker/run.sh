#!/bin/bash
# Builds the image, runs a node and a mount in containers, and looks whether they do what README.md says of them:
#   npm run test:docker
# With podman (as tried) or docker. The base comes from a registry; where none can be reached, one is made by debootstrap, and that is
# said. Needs root, or podman set up for rootless use, and /dev/fuse. Leaves nothing behind but the base, if it was there before.
set -euo pipefail
cd "$(dirname "$0")/../.."
engine=$(command -v podman || command -v docker || true)
if [ -z "$engine" ]; then echo 'skipped: neither podman nor docker is installed'; exit 0; fi
base=docker.io/library/node:24-bookworm-slim
mark=vaultfs-test-$$
scratch=$(mktemp -d)
made_base=
limits=(--ulimit nofile=20000:20000 --ulimit nproc=4096:4096)
run_options=("${limits[@]}")
build_options=("${limits[@]}" --network host)
if [[ $engine == *podman ]]; then
  build_options+=(--format docker --pull=never --layers=false)
  if command -v runc > /dev/null; then run_options+=(--runtime runc); build_options+=(--runtime runc); fi
fi

clean_up() {
  status=$?
  if [ "$status" != 0 ]; then
    for container in "$mark-node" "$mark-mount"; do
      "$engine" inspect -f "$container: {{.State.Status}}, exit code {{.State.ExitCode}}, from {{.State.StartedAt}} to {{.State.FinishedAt}}" "$container" 2> /dev/null || true
      "$engine" logs "$container" 2>&1 | tail -20 || true
    done
  fi
  "$engine" rm -f "$mark-node" "$mark-mount" > /dev/null 2>&1 || true
  "$engine" volume rm -f "$mark-node" "$mark-mount" > /dev/null 2>&1 || true
  "$engine" volume rm -f "${mark}_node" > /dev/null 2>&1 || true
  "$engine" network rm "${mark}_default" > /dev/null 2>&1 || true
  "$engine" rmi -f "$mark" > /dev/null 2>&1 || true
  [ -z "$made_base" ] || "$engine" rmi -f "$base" > /dev/null 2>&1 || true
  if mountpoint -q "$scratch/host"; then umount -R "$scratch/host" || true; fi
  rm -rf --one-file-system "$scratch"
  [ "$status" = 0 ] && echo "ok: $passed checks" || echo "not ok, after $passed checks"
}
trap clean_up EXIT
passed=0
check() { # check NAME COMMAND…
  local name=$1
  shift
  if "$@" > "$scratch/out" 2>&1; then passed=$((passed + 1)); echo "ok - $name"; else echo "not ok - $name"; cat "$scratch/out"; exit 1; fi
}
refused() { ! "$@"; }
within() { # within SECONDS COMMAND…
  local end=$((SECONDS + $1))
  shift
  until "$@"; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 1; done
}

if ! "$engine" image inspect "$base" > /dev/null 2>&1 && ! "$engine" pull -q "$base" > /dev/null 2>&1; then
  if ! command -v debootstrap > /dev/null; then echo "skipped: $base can't be pulled, and there is no debootstrap to make a stand-in"; exit 0; fi
  echo "no registry: a stand-in base is made for $base"
  test/docker/stand-in.sh "$base" "$scratch/base"
  rm -rf --one-file-system "$scratch/base"
  made_base=yes
fi

if python3 -c 'import yaml' 2> /dev/null; then check 'compose.yaml says what it should' python3 -c "
import yaml
node = yaml.safe_load(open('compose.yaml'))['services']['node']
assert node['read_only'] is True and node['cap_drop'] == ['ALL'] and node['user'] == 'node' and node['restart'] == 'unless-stopped', node
assert all(isinstance(word, str) for word in node['command']) and node['volumes'] == ['node:/data'] and node['ports'] == ['9463:9463'], node
"
else echo 'skipped: no python3-yaml, compose.yaml was not read'; fi
compose_reads() {
  podman-compose -f compose.yaml -p "$mark" --dry-run up -d --no-build > "$scratch/compose" 2>&1 || { cat "$scratch/compose"; return 1; }
  cat "$scratch/compose"
  for word in '--read-only' '--cap-drop ALL' 'no-new-privileges:true' ':/data' '-u node' 'unless-stopped' 'node run --data /data'; do grep '^podman run' "$scratch/compose" | grep -qF -- "$word" || return 1; done
}
if command -v podman-compose > /dev/null; then check 'podman-compose makes of it what is meant' compose_reads
else echo 'skipped: no podman-compose, compose.yaml was not tried'; fi

check 'the image builds' "$engine" build "${build_options[@]}" -t "$mark" .

node=("$engine" run "${run_options[@]}" --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges -v "$mark-node:/data")
check 'a node is made' "${node[@]}" --rm "$mark" node init --data /data --advertise 127.0.0.1:9463 --quota 1G
check 'and runs, as compose.yaml runs it' "${node[@]}" -d --name "$mark-node" "$mark" node run --data /data --metrics 127.0.0.1:9464
inside=("$engine" exec "$mark-node")
health() { if [[ $engine == *podman ]]; then "$engine" healthcheck run "$mark-$1"; else [ "$("$engine" inspect -f '{{.State.Health.Status}}' "$mark-$1")" = healthy ]; fi; }
check 'it becomes healthy' within 60 health node
check 'as an ordinary user' "${inside[@]}" sh -c '[ "$(id -u)" = 1000 ] && [ "$(stat -c %u /data/node.json)" = 1000 ]'
check 'that can write nothing but its volume' refused "${inside[@]}" sh -c 'touch /vaultfs/x || touch /usr/x'
check 'it lets a vault in' "${inside[@]}" sh -c 'vaultfs node invite --data /data | grep -q ^vfsn1_'
pin() { "${inside[@]}" vaultfs node status --data /data --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["addresses"][0])'; }
before=$(pin)
check 'it ends when it is told to' "$engine" stop -t 30 "$mark-node"
check 'by itself, not by a kill' [ "$("$engine" inspect -f '{{.State.ExitCode}}' "$mark-node")" = 0 ]
check 'it is not healthy then' refused health node
check 'it starts again' "$engine" start "$mark-node"
check 'and becomes healthy again' within 60 health node
check 'as the same node' [ "$(pin)" = "$before" ]

if [ ! -e /dev/fuse ]; then echo 'skipped: no /dev/fuse, so no mount'; exit 0; fi
echo 'a passphrase for tests' > "$scratch/passphrase"
chmod 644 "$scratch/passphrase"
chmod 755 "$scratch"
host=()
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
  install -d -o 1000 -g 1000 "$scratch/host"
  mount --bind "$scratch/host" "$scratch/host"
  mount --make-shared "$scratch/host"
  host=(-v "$scratch/host:/vault:rshared")
fi
mount_vault() {
  "$engine" run "${run_options[@]}" -d --name "$mark-mount" --device /dev/fuse --cap-add SYS_ADMIN "${host[@]}" -v "$mark-mount:/data" -v "$scratch/passphrase:/run/passphrase:ro" "$mark" \
    mount /vault --foreground --create --passphrase-file /run/passphrase --recovery later --guard mode --kdf-memory-mib 64 --kdf-passes 1
}
inside=("$engine" exec "$mark-mount")
check 'a vault is mounted, by an ordinary user' mount_vault
check 'and becomes healthy' within 60 health mount
check 'a file is written and read' "${inside[@]}" sh -c 'echo hello > /vault/letter && [ "$(cat /vault/letter)" = hello ] && [ "$(id -u)" = 1000 ]'
if [ ${#host[@]} -gt 0 ]; then check 'and read on the host, by the same user' setpriv --reuid 1000 --regid 1000 --clear-groups grep -qx hello "$scratch/host/letter"
else echo 'skipped: not root, so nothing is looked at on the host'; fi
check 'it ends when it is told to' "$engine" stop -t 60 "$mark-mount"
check 'by itself, not by a kill' [ "$("$engine" inspect -f '{{.State.ExitCode}}' "$mark-mount")" = 0 ]
"$engine" rm "$mark-mount" > /dev/null
check 'another container mounts it' mount_vault
check 'and becomes healthy too' within 60 health mount
check 'the file is there' "${inside[@]}" grep -qx hello /vault/letter
