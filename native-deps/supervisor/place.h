/* Where the vault is mounted: who lies there, and how to take it away when its daemon is dead. It reads no file of the mount. */
#ifndef VAULTFS_PLACE_H
#define VAULTFS_PLACE_H

#define DEVICE_MAX 32

/* "major:minor" of what is topmost at the mount point; 0 when nothing is mounted there. */
int device_at(const char *mount_point, char device[DEVICE_MAX]);

/* Whether what is topmost there is this very device. */
int is_still_there(const char *mount_point, const char *device);

/* Lazily; whoever has something open there keeps a mount that answers ENOTCONN. */
void detach(const char *mount_point);

/* Everybody who waits for this mount gets an error, although its daemon can't be ended. Where root or fusectl lets us. */
void abort_connection(const char *mount_point, const char *device);

#endif
