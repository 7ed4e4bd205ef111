# Build, test, run: one image for a node and for a mount.
# A mount inside a container needs --device /dev/fuse --cap-add SYS_ADMIN (and --security-opt apparmor=unconfined where
# AppArmor is on); a node needs nothing but its port and a volume at /data.

FROM node:24-bookworm-slim AS build
WORKDIR /vaultfs
RUN apt-get update && apt-get install -y --no-install-recommends g++ make python3 fuse3 && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json .npmrc tsconfig.json ./
COPY native-deps native-deps
COPY bin bin
COPY lib lib
COPY mount mount
COPY test test
RUN npm ci

# Without /dev/fuse the mounted tests say that they are skipped; run this stage's image with the options above for all.
FROM build AS test
RUN apt-get update && apt-get install -y --no-install-recommends git attr acl rsync expect libfuse2 sqlite3 samba smbclient samba-vfs-modules python3-nacl python3-zstandard && rm -rf /var/lib/apt/lists/*
COPY . .
RUN npm test

# The image has a Node that is new enough: the one that npm brings along is for machines that have none.
FROM build AS pruned
RUN npm prune --omit=dev --ignore-scripts && rm -rf dist/test test node_modules/node-linux-*

FROM node:24-bookworm-slim AS runtime
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates fuse3 && rm -rf /var/lib/apt/lists/*
COPY --from=pruned /vaultfs /vaultfs
# A volume that is new takes owner and mode of the folder. /run/vaultfs is where a mount's daemon is spoken to.
RUN ln -s /vaultfs/bin/vaultfs /usr/local/bin/vaultfs && vaultfs --help > /dev/null \
 && install -d -o node -g node -m 700 /data /run/vaultfs && install -d -o node -g node -m 755 /vault
ENV HOME=/data XDG_DATA_HOME=/data XDG_STATE_HOME=/data/state XDG_CONFIG_HOME=/data/config XDG_RUNTIME_DIR=/run/vaultfs
USER node
VOLUME /data
EXPOSE 9463
# Of a node, what its listener for metrics says; of a mount, that it answers.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD if [ -e /data/node.json ]; \
  then node -e "fetch('http://127.0.0.1:9464/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"; \
  else [ "$(stat -f -c %t /vault)" = 65735546 ] && ls /vault > /dev/null; fi
ENTRYPOINT ["vaultfs"]
CMD ["--help"]
