// See faulty_disk.h: a shim of SQLite's (www.sqlite.org/vfs.html, section 2.3). A file is that of
// the file system below, with the methods of its own before it.
#include "tests/search/faulty_disk.h"

#include <atomic>
#include <new>
#include <sqlite3.h>

namespace cellwright {

struct FaultyDisk::State {
  sqlite3_vfs vfs = {};
  sqlite3_vfs *below = nullptr;
  std::atomic<int64_t> left = INT64_MAX, toFail = 0, failed = 0;

  bool mayWrite() {
    if (left-- > 0 || toFail <= 0)
      return true;
    --toFail;
    ++failed;
    return false;
  }
};

namespace {

template <typename State> struct File {
  sqlite3_file base;
  State *state;
  sqlite3_file *below() { return reinterpret_cast<sqlite3_file *>(this + 1); }
};

/// Methods that pass everything on but refuse to write.
template <typename State> struct Methods {
  using F = File<State>;
  static F *of(sqlite3_file *file) { return reinterpret_cast<F *>(file); }
  static sqlite3_file *down(sqlite3_file *file) { return of(file)->below(); }
  static const sqlite3_io_methods *io(sqlite3_file *file) { return down(file)->pMethods; }

  static int close(sqlite3_file *f) { return io(f)->xClose(down(f)); }
  static int read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
    return io(f)->xRead(down(f), to, n, at);
  }
  static int write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
    return of(f)->state->mayWrite() ? io(f)->xWrite(down(f), from, n, at) : SQLITE_FULL;
  }
  static int truncate(sqlite3_file *f, sqlite3_int64 size) {
    return io(f)->xTruncate(down(f), size);
  }
  static int sync(sqlite3_file *f, int flags) { return io(f)->xSync(down(f), flags); }
  static int size(sqlite3_file *f, sqlite3_int64 *size) { return io(f)->xFileSize(down(f), size); }
  static int lock(sqlite3_file *f, int level) { return io(f)->xLock(down(f), level); }
  static int unlock(sqlite3_file *f, int level) { return io(f)->xUnlock(down(f), level); }
  static int isLocked(sqlite3_file *f, int *result) {
    return io(f)->xCheckReservedLock(down(f), result);
  }
  static int control(sqlite3_file *f, int op, void *arg) {
    return io(f)->xFileControl(down(f), op, arg);
  }
  static int sector(sqlite3_file *f) { return io(f)->xSectorSize(down(f)); }
  static int features(sqlite3_file *f) { return io(f)->xDeviceCharacteristics(down(f)); }
  static int shmMap(sqlite3_file *f, int page, int size, int extend, void volatile **to) {
    return io(f)->xShmMap(down(f), page, size, extend, to);
  }
  static int shmLock(sqlite3_file *f, int offset, int n, int flags) {
    return io(f)->xShmLock(down(f), offset, n, flags);
  }
  static void shmBarrier(sqlite3_file *f) { io(f)->xShmBarrier(down(f)); }
  static int shmUnmap(sqlite3_file *f, int remove) { return io(f)->xShmUnmap(down(f), remove); }

  static constexpr sqlite3_io_methods kTable = {
      2,       close,  read,     write,  truncate, sync,       size,     lock,    unlock, isLocked,
      control, sector, features, shmMap, shmLock,  shmBarrier, shmUnmap, nullptr, nullptr};

  static int open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out) {
    auto *state = static_cast<State *>(vfs->pAppData);
    of(f)->state = state;
    int code = state->below->xOpen(state->below, name, down(f), flags, out);
    f->pMethods = down(f)->pMethods ? &kTable : nullptr;
    return code;
  }
};

} // namespace

FaultyDisk::FaultyDisk() : state(new State) {
  state->below = ::sqlite3_vfs_find(nullptr);
  state->vfs = *state->below;
  state->vfs.zName = "faulty";
  state->vfs.pNext = nullptr;
  state->vfs.pAppData = state;
  state->vfs.szOsFile = static_cast<int>(sizeof(File<State>)) + state->below->szOsFile;
  state->vfs.xOpen = Methods<State>::open;
  // The others take the file system, which is known only below.
  state->vfs.xDelete = [](sqlite3_vfs *vfs, const char *name, int sync) {
    sqlite3_vfs *below = static_cast<State *>(vfs->pAppData)->below;
    return below->xDelete(below, name, sync);
  };
  state->vfs.xAccess = [](sqlite3_vfs *vfs, const char *name, int flags, int *result) {
    sqlite3_vfs *below = static_cast<State *>(vfs->pAppData)->below;
    return below->xAccess(below, name, flags, result);
  };
  state->vfs.xFullPathname = [](sqlite3_vfs *vfs, const char *name, int size, char *out) {
    sqlite3_vfs *below = static_cast<State *>(vfs->pAppData)->below;
    return below->xFullPathname(below, name, size, out);
  };
  ::sqlite3_vfs_register(&state->vfs, 0);
}

FaultyDisk::~FaultyDisk() {
  ::sqlite3_vfs_unregister(&state->vfs);
  delete state;
}

void FaultyDisk::failAfter(int64_t writes, int64_t failures) {
  state->left = writes;
  state->toFail = failures;
  state->failed = 0;
}

int64_t FaultyDisk::failed() const { return state->failed; }

} // namespace cellwright
