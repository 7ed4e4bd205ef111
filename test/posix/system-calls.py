#!/usr/bin/env python3
"""System calls that Node lacks, made in a process of their own as one user.

system-calls.py UID GID GROUP[,GROUP...] reads one JSON line a call, {"call": NAME, "arguments": [...]}, and answers each
with one line in the same order: {"value": ...} or {"error": "ENOENT"}. A path is a string, or a number: an address, to
see EFAULT. Bytes travel as base64. Nothing is checked here: what the kernel says is what is answered.
"""
import base64, ctypes, errno, fcntl, json, mmap, os, resource, signal, socket, struct, subprocess, sys

libc = ctypes.CDLL(None, use_errno=True)
STATX_ALL = 0xFFF

# Arguments by letter: p a path or an address, i an int, u an unsigned int, l a 64 bit number.
PLAIN = {
    'open': 'pii', 'openat': 'ipii', 'creat': 'pi', 'close': 'i', 'dup': 'i',
    'mkdir': 'pi', 'mkdirat': 'ipi', 'rmdir': 'p', 'mkfifo': 'pi', 'mknod': 'pil',
    'link': 'pp', 'linkat': 'ipipi', 'symlink': 'pp', 'unlink': 'p', 'unlinkat': 'ipi',
    'rename': 'pp', 'renameat2': 'ipipu',
    'chmod': 'pi', 'fchmod': 'ii', 'chown': 'puu', 'lchown': 'puu', 'fchown': 'iuu',
    'truncate': 'pl', 'ftruncate': 'il', 'fallocate': 'iill', 'fsync': 'i', 'fdatasync': 'i', 'syncfs': 'i',
    'access': 'pi', 'chdir': 'p', 'fchdir': 'i', 'umask': 'i', 'lseek': 'ili', 'flock': 'ii',
    'pathconf': 'pi', 'fpathconf': 'ii', 'removexattr': 'pp', 'lremovexattr': 'pp',
}
LONG_RESULTS = {'lseek', 'pathconf', 'fpathconf'}

# Of a lease that is to be broken, and those that F_SETSIG asks for: waited for, never delivered.
SIGNALS = {signal.SIGIO, signal.SIGUSR1}

maps, streams, programs = {}, {}, {}


def address(value):
    if value is None or isinstance(value, int):
        return ctypes.c_void_p(value)
    return ctypes.c_char_p(os.fsencode(value))


CONVERT = {'p': address, 'i': ctypes.c_int, 'u': ctypes.c_uint32, 'l': ctypes.c_int64}


def failed(number):
    return OSError(number, os.strerror(number))


def checked(result):
    if result == -1 and ctypes.get_errno() != 0:
        raise failed(ctypes.get_errno())
    return result


def plain(name, arguments):
    function = getattr(libc, name)
    function.restype = ctypes.c_long if name in LONG_RESULTS else ctypes.c_int
    ctypes.set_errno(0)
    return checked(function(*[CONVERT[letter](value) for letter, value in zip(PLAIN[name], arguments, strict=True)]))


def statx(directory, path, flags):
    buffer = ctypes.create_string_buffer(256)
    ctypes.set_errno(0)
    checked(libc.statx(directory, address(path), flags, STATX_ALL, buffer))
    mask, _, attributes, nlink, uid, gid, mode, ino, size, blocks, _ = struct.unpack_from('<IIQIIIH2xQQQQ', buffer, 0)
    times = [struct.unpack_from('<qI', buffer, at) for at in (64, 80, 96, 112)]
    major, minor, dev_major, dev_minor = struct.unpack_from('<IIII', buffer, 128)
    return {
        'mask': mask, 'nlink': nlink, 'uid': uid, 'gid': gid, 'mode': mode, 'ino': ino, 'size': size, 'blocks': blocks,
        'times': [str(sec * 1000000000 + nsec) for sec, nsec in times], 'major': major, 'minor': minor,
        'device': [dev_major, dev_minor],
    }


def utimensat(directory, path, times, flags):
    buffer = None if times is None else struct.pack('<qqqq', *times[0], *times[1])
    ctypes.set_errno(0)
    # The C library takes no path that is none.
    checked(libc.futimens(directory, buffer) if path is None else libc.utimensat(directory, address(path), buffer, flags))
    return 0


def lock(fd, command, kind, whence, start, length):
    answered = fcntl.fcntl(fd, command, struct.pack('hhqqi4x', kind, whence, start, length, 0))
    kind, whence, start, length, pid = struct.unpack('hhqqi4x', answered)
    return {'type': kind, 'start': start, 'length': length, 'pid': pid}


def posix_fallocate(fd, offset, length):
    number = libc.posix_fallocate(fd, ctypes.c_int64(offset), ctypes.c_int64(length))
    if number != 0:
        raise failed(number)
    return 0


def copy_file_range(source, source_offset, target, target_offset, length):
    offsets = [None if offset is None else ctypes.byref(ctypes.c_int64(offset)) for offset in (source_offset, target_offset)]
    libc.copy_file_range.restype = ctypes.c_ssize_t
    ctypes.set_errno(0)
    return checked(libc.copy_file_range(source, offsets[0], target, offsets[1], ctypes.c_size_t(length), 0))


def read(fd, length, offset):
    data = os.read(fd, length) if offset is None else os.pread(fd, length, offset)
    return base64.b64encode(data).decode()


def write(fd, data, offset):
    data = base64.b64decode(data)
    return os.write(fd, data) if offset is None else os.pwrite(fd, data, offset)


def aligned(length):
    return mmap.mmap(-1, max(length, mmap.PAGESIZE))


def read_direct(fd, length, offset, shift):
    """Into memory that begins `shift` bytes behind a page's."""
    buffer = aligned(length + shift)
    got = os.preadv(fd, [memoryview(buffer)[shift:shift + length]], offset)
    return base64.b64encode(buffer[shift:shift + got]).decode()


def write_direct(fd, data, offset, shift):
    data = base64.b64decode(data)
    buffer = aligned(len(data) + shift)
    buffer[shift:shift + len(data)] = data
    return os.pwritev(fd, [memoryview(buffer)[shift:shift + len(data)]], offset)


def getdents(fd, size):
    """One getdents64(2): [name, ino, offset, type] each."""
    buffer = ctypes.create_string_buffer(size)
    libc.getdents64.restype = ctypes.c_ssize_t
    ctypes.set_errno(0)
    filled = checked(libc.getdents64(fd, buffer, ctypes.c_size_t(size)))
    found, at = [], 0
    while at < filled:
        ino, offset, length, kind = struct.unpack_from('<QqHB', buffer, at)
        name = buffer[at + 19:at + length].split(b'\0', 1)[0]
        found.append([os.fsdecode(name), ino, str(offset), kind])
        at += length
    return found


class Dirent(ctypes.Structure):
    _fields_ = [('ino', ctypes.c_uint64), ('offset', ctypes.c_int64), ('length', ctypes.c_uint16), ('kind', ctypes.c_uint8), ('name', ctypes.c_char * 256)]


for name, result in (('opendir', ctypes.c_void_p), ('readdir', ctypes.POINTER(Dirent)), ('telldir', ctypes.c_long)):
    getattr(libc, name).restype = result


def kept(table, value):
    key = max(table, default=0) + 1
    table[key] = value
    return key


def opendir(path):
    ctypes.set_errno(0)
    stream = libc.opendir(address(path))
    if stream is None:
        raise failed(ctypes.get_errno())
    return kept(streams, ctypes.c_void_p(stream))


def readdir(key, count):
    names = []
    while len(names) < count:
        ctypes.set_errno(0)
        found = libc.readdir(streams[key])
        if not found:
            if ctypes.get_errno() != 0:
                raise failed(ctypes.get_errno())
            break
        names.append(os.fsdecode(found.contents.name))
    return names


def telldir(key):
    return str(libc.telldir(streams[key]))


def seekdir(key, place):
    libc.seekdir(streams[key], ctypes.c_long(int(place)))
    return 0


def rewinddir(key):
    libc.rewinddir(streams[key])
    return 0


def closedir(key):
    return libc.closedir(streams.pop(key))


def map_file(fd, length, flags, protection, offset):
    return kept(maps, mmap.mmap(fd, length, flags=flags, prot=protection, offset=offset))


def map_read(key, at, length):
    return base64.b64encode(maps[key][at:at + length]).decode()


def map_write(key, at, data):
    data = base64.b64decode(data)
    maps[key][at:at + len(data)] = data
    return len(data)


def map_sync(key):
    maps[key].flush()
    return 0


def map_close(key):
    maps.pop(key).close()
    return 0


def name_to_handle_at(directory, path, flags):
    handle = ctypes.create_string_buffer(8 + 128)
    struct.pack_into('<Ii', handle, 0, 128, 0)
    mount = ctypes.c_int()
    ctypes.set_errno(0)
    checked(libc.name_to_handle_at(directory, address(path), handle, ctypes.byref(mount), flags))
    return base64.b64encode(handle[:8 + struct.unpack_from('<I', handle, 0)[0]]).decode()


def open_by_handle_at(mount, handle, flags):
    ctypes.set_errno(0)
    return checked(libc.open_by_handle_at(mount, base64.b64decode(handle), flags))


def statvfs(path):
    found = os.statvfs(path)
    return {'blockSize': found.f_frsize, 'nameMax': found.f_namemax, 'flags': found.f_flag}


def bind(path):
    made = socket.socket(socket.AF_UNIX)
    made.bind(path)
    made.close()
    return 0


def execute(program, arguments):
    return kept(programs, subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))


def finish(key):
    program = programs.pop(key)
    program.stdin.close()
    return program.wait()


def received(milliseconds):
    """The signals that came since the last call, first to last; waits for so long for the first one."""
    came, wait = [], milliseconds / 1000
    while (info := signal.sigtimedwait(SIGNALS, wait)) is not None:
        came.append(info.si_signo)
        wait = 0
    return came


def openfiles(soft):
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(soft, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    return 0


def bytes_of(data):
    return base64.b64encode(data).decode()


CALLS = {
    'statx': statx, 'utimensat': utimensat, 'lock': lock, 'posix_fallocate': posix_fallocate, 'read': read, 'write': write,
    'copy_file_range': copy_file_range, 'read_direct': read_direct, 'write_direct': write_direct, 'getdents': getdents,
    'opendir': opendir, 'readdir': readdir, 'telldir': telldir, 'seekdir': seekdir, 'rewinddir': rewinddir, 'closedir': closedir,
    'map_file': map_file, 'map_read': map_read, 'map_write': map_write, 'map_sync': map_sync, 'map_close': map_close,
    'name_to_handle_at': name_to_handle_at, 'open_by_handle_at': open_by_handle_at, 'statvfs': statvfs, 'bind': bind,
    'execute': execute, 'finish': finish, 'signals': received, 'openfiles': openfiles,
    'fcntl': lambda fd, command, value: fcntl.fcntl(fd, command, value),
    'readlink': lambda path: bytes_of(os.readlink(os.fsencode(path))),
    'getxattr': lambda path, name, follow: bytes_of(os.getxattr(path, name, follow_symlinks=follow)),
    'setxattr': lambda path, name, value, flags, follow: os.setxattr(path, name, base64.b64decode(value), flags, follow_symlinks=follow) or 0,
    'listxattr': lambda path, follow: os.listxattr(path, follow_symlinks=follow),
}


# Some numbers have two names.
NAMES = {**errno.errorcode, errno.EOPNOTSUPP: 'EOPNOTSUPP', errno.EDEADLK: 'EDEADLK', errno.EAGAIN: 'EAGAIN'}


def answer(request):
    try:
        name, arguments = request['call'], request['arguments']
        return {'value': plain(name, arguments) if name in PLAIN else CALLS[name](*arguments)}
    except OSError as error:
        return {'error': NAMES.get(error.errno, str(error))}


def main():
    uid, gid = int(sys.argv[1]), int(sys.argv[2])
    if os.geteuid() == 0:
        os.setgroups([int(group) for group in sys.argv[3].split(',') if group != ''])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    os.umask(0)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    for line in sys.stdin.buffer:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + '\n')
        sys.stdout.flush()


main()
