#!/bin/bash
# Cuts the power under a store: it lies on a loop-mounted filesystem that is shut down without flushing its journal, so
# that what was not synced is gone, and mounted again. As root; needs xfs_io (xfsprogs), mkfs.ext4 or mkfs.xfs.
#
#   power-cut.sh log [ROUNDS]              the write-ahead log alone, written by log-writer.js until the cut
#   power-cut.sh crash MOUNTPOINT [ARGS]   a crash.py (CRASH=path) run on a real mount; ARGS go to it
#
# Environment:
#   FS       ext4 (default) or xfs          SIZE_MB   of the loop image, 1024
#   NOSYNC   set: `log` with a disk that lies about syncs; then a round has to fail, or the rig proves nothing
#   COMPILED folder of the compiled code, dist
#   INIT     (crash) makes the store in $STORE, once          MOUNT   (crash) mounts $STORE on $MNT, comes back when usable
# MOUNT and INIT are run by sh. The daemon is found by what it holds open in the store's filesystem.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
self=$here/$(basename "$0")
export PATH=$root/node_modules/.bin:$PATH
FS=${FS:-ext4}
SIZE_MB=${SIZE_MB:-1024}
COMPILED=${COMPILED:-$root/dist}

die() { echo "power-cut: $*" >&2; exit 2; }

attach() { mount -o loop "$WORK/image" "$DISK"; }

# Who holds a file of the store's filesystem open: the daemon and nobody else.
holders() {
  find /proc/[0-9]*/fd -lname "$DISK/*" 2>/dev/null | cut -d/ -f3 | sort -un
}

# Another mount namespace of the machine may keep the filesystem that was shut down alive, and a loop mount of the same
# file would meet it again: so the disk is copied.
fresh_disk() { cp --sparse=always "$WORK/image" "$WORK/next" && mv -f "$WORK/next" "$WORK/image"; }

# The cut: first the disk, so that nothing is written after it; then the processes; then the disk comes back.
cut_power() {
  xfs_io -x -c shutdown "$DISK" || die "the filesystem can't be shut down"
  local tries pid
  for tries in 1 2 3 4 5 6 7 8 9 10; do
    for pid in $(holders); do kill -9 "$pid" 2>/dev/null; done
    [ -z "${MNT:-}" ] || umount -l "$MNT" 2>/dev/null
    # A process that was killed lets go of its files a little later.
    umount "$DISK" 2>/dev/null && { fresh_disk; return; }
    sleep 0.2
  done
  die "somebody holds $DISK"
}

set_up() {
  [ "$(id -u)" = 0 ] || die "only root can mount a loop image"
  command -v xfs_io >/dev/null || die "xfs_io is not installed (apt-get install xfsprogs)"
  command -v "mkfs.$FS" >/dev/null || die "mkfs.$FS is not installed"
  export WORK DISK STORE
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/vaultfs-power-XXXXXX")
  DISK=$WORK/disk
  STORE=$DISK/store
  mkdir "$DISK"
  trap tear_down EXIT
  trap 'exit 130' INT TERM
  truncate -s "${SIZE_MB}M" "$WORK/image"
  if [ "$FS" = xfs ]; then mkfs.xfs -q "$WORK/image"; else "mkfs.$FS" -q -F "$WORK/image"; fi || die "no filesystem"
  attach || die "no loop mount"
}

tear_down() {
  local pid
  [ -z "${MNT:-}" ] || umount -l "$MNT" 2>/dev/null
  for pid in $(holders); do kill -9 "$pid" 2>/dev/null; done
  for pid in 1 2 3 4 5; do
    mountpoint -q "$DISK" || break
    umount "$DISK" 2>/dev/null || sleep 0.3
  done
  mountpoint -q "$DISK" && { echo "power-cut: $DISK is still mounted" >&2; return; }
  rm -rf "$WORK"
}

log_rounds() {
  local rounds=${1:-10} passed=0 failed=0 round writer pid acks
  writer=$COMPILED/test/fault/log-writer.js
  [ -f "$writer" ] || die "$writer is not there: npm run build"
  set_up
  for ((round = 1; round <= rounds; round++)); do
    mkdir -p "$STORE"
    touch "$WORK/notes"
    acks=$(grep -c ack "$WORK/notes")
    node "$writer" write "$STORE/log" "$WORK/notes" >>"$WORK/writer.out" 2>&1 &
    pid=$!
    until [ "$(grep -c ack "$WORK/notes")" -gt "$acks" ]; do
      kill -0 "$pid" 2>/dev/null || { cat "$WORK/writer.out"; die "the writer ended by itself"; }
      sleep 0.1
    done
    # When the power goes is chance; that is the point.
    sleep "0.$((RANDOM % 9))5"
    cut_power
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    attach || die "the filesystem can't be mounted again"
    mkdir -p "$STORE"
    if env -u NOSYNC node "$writer" check "$STORE/log" "$WORK/notes" >"$WORK/check.out" 2>&1; then
      passed=$((passed + 1)); tail -n1 "$WORK/check.out"
    else
      failed=$((failed + 1)); echo "FAIL round $round: $(grep -m1 -E '^(Vault)?Error' "$WORK/check.out")"
      # What is lost stays lost: the next round begins with a new log.
      rm -rf "${STORE:?}/log" "$WORK/notes"
    fi
  done
  echo "power-cut log on $FS: $passed passed, $failed failed"
  [ "$failed" = 0 ]
}

crash_rounds() {
  export MNT=${1:?a mount point} INIT MOUNT; shift
  : "${CRASH:?the path of crash.py}" "${INIT:?how to make the store}" "${MOUNT:?how to mount it}"
  set_up
  mkdir -p "$MNT"
  sh -c "$INIT" || die "INIT failed"
  # The store itself is not what is cut in the first round.
  sync -f "$DISK"
  STATE=$WORK/state KILL="'$self' cut" REMOUNT="'$self' attach && $MOUNT" UMOUNT="umount '$MNT'" \
    python3 "$CRASH" "$MNT" --mode power "$@"
}

case ${1:-} in
  log) shift; log_rounds "$@" ;;
  crash) shift; crash_rounds "$@" ;;
  cut) cut_power ;;
  attach) attach ;;
  *) sed -n '2,16p' "$self" >&2; exit 2 ;;
esac
