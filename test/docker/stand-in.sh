#!/bin/bash
# Makes an image that stands in for node:24-bookworm-slim where no registry can be reached: Debian by debootstrap, Node from
# the npm package that the project brings along, npm from this machine, and this machine's certificate authorities.
#   test/docker/stand-in.sh IMAGE FOLDER
set -euo pipefail
image=$1
folder=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
node=$root/node_modules/node-linux-$([ "$(uname -m)" = aarch64 ] && echo arm64 || echo x64)
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")

debootstrap --variant=minbase --include=ca-certificates bookworm "$folder" http://deb.debian.org/debian > "$folder.log" 2>&1 || { tail -5 "$folder.log"; exit 1; }
cp "$node/bin/node" "$folder/usr/local/bin/"
mkdir -p "$folder/usr/local/include" "$folder/usr/local/lib/node_modules" "$folder/usr/local/etc"
cp -r "$node/include/node" "$folder/usr/local/include/"
cp -r "$npm" "$folder/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$folder/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$folder/usr/local/bin/npx"
cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
mkdir -p "$folder/usr/local/lib/node_modules/npm"
echo 'cafile=/etc/ssl/certs/ca-certificates.crt' > "$folder/usr/local/lib/node_modules/npm/npmrc"
chroot "$folder" groupadd --gid 1000 node
chroot "$folder" useradd --uid 1000 --gid node --shell /bin/bash --create-home node
rm -rf "$folder"/var/lib/apt/lists/* "$folder"/var/cache/apt/archives/*.deb
tar -C "$folder" -c . | podman import --change 'CMD ["node"]' - "$image" > /dev/null
