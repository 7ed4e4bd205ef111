# Build, test, run. Mounting inside a container needs: --device /dev/fuse --cap-add SYS_ADMIN
# (and --security-opt apparmor=unconfined where AppArmor is on).

FROM node:24-bookworm AS build
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
RUN apt-get update && apt-get install -y --no-install-recommends attr acl rsync expect libfuse2 sqlite3 samba smbclient samba-vfs-modules python3-nacl python3-zstandard && rm -rf /var/lib/apt/lists/*
COPY . .
RUN npm test

FROM build AS pruned
RUN npm prune --omit=dev --ignore-scripts && rm -rf dist/test test

FROM node:24-bookworm-slim AS runtime
RUN apt-get update && apt-get install -y --no-install-recommends fuse3 && rm -rf /var/lib/apt/lists/*
COPY --from=pruned /vaultfs /vaultfs
RUN ln -s /vaultfs/bin/vaultfs /usr/local/bin/vaultfs && vaultfs --help > /dev/null
ENV XDG_DATA_HOME=/data XDG_STATE_HOME=/data/state
VOLUME /data
ENTRYPOINT ["vaultfs"]
CMD ["--help"]
