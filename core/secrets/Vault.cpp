#include "core/secrets/Vault.h"

#include <QFile>
#include <QFileInfo>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace Qt::StringLiterals;

namespace sb::secrets {

namespace {

constexpr qint64 mostBytes = 32 << 20;

class Handle
{
public:
    explicit Handle(int fd) : m_fd(fd) {}
    ~Handle()
    {
        if (m_fd >= 0) {
            ::close(m_fd);
        }
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    [[nodiscard]] int get() const { return m_fd; }
    explicit operator bool() const { return m_fd >= 0; }

private:
    int m_fd;
};

std::unexpected<Error> systemError(const QString& path, const char* what)
{
    const int reason = errno;
    return fail(reason == ENOSPC || reason == EDQUOT ? ErrorCode::DiskFull : ErrorCode::Io,
                u"The vault %1 cannot be %2 (%3)."_s.arg(
                    path, QString::fromLatin1(what), qt_error_string(reason)),
                path);
}

Result<> writeAll(int fd, const QByteArray& bytes, const QString& path)
{
    for (qsizetype done = 0; done < bytes.size();) {
        const auto wrote = ::write(fd, bytes.constData() + done, size_t(bytes.size() - done));
        if (wrote < 0 && errno != EINTR) {
            return systemError(path, "written");
        }
        done += std::max<qsizetype>(0, wrote);
    }
    return {};
}

QByteArray randomBytes(qsizetype size)
{
    QByteArray bytes(size, '\0');
    randombytes_buf(bytes.data(), size_t(size));
    return bytes;
}

Result<> checkPassphrase(const SecretString& passphrase)
{
    const auto size = passphrase.expose([](QByteArrayView bytes) { return bytes.size(); });
    if (size < Vault::leastPassphrase) {
        return fail(ErrorCode::InvalidInput,
                    u"The passphrase of a vault needs at least %1 characters."_s.arg(
                        Vault::leastPassphrase));
    }
    return {};
}

std::unexpected<Error> locked()
{
    return fail(ErrorCode::Locked, u"The vault is locked."_s);
}

// Held while one process reads, changes and replaces the file.
Result<std::unique_ptr<Handle>> turn(const QString& path)
{
    auto handle = std::make_unique<Handle>(::open(QFile::encodeName(path + u".lock"_s).constData(),
                                                  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                                                  S_IRUSR | S_IWUSR));
    if (!*handle) {
        return systemError(path, "locked");
    }
    while (::flock(handle->get(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            return systemError(path, "locked");
        }
    }
    return handle;
}

} // namespace

Vault::Vault(QString path, VaultCost cost) : m_path(std::move(path)), m_cost(cost) {}

bool Vault::exists() const
{
    return QFileInfo::exists(m_path);
}

QByteArray Vault::stamp() const
{
    struct stat found = {};
    if (::stat(QFile::encodeName(m_path).constData(), &found) != 0) {
        return {};
    }
    return QByteArray::number(quint64(found.st_ino)) + '.' +
           QByteArray::number(qint64(found.st_mtim.tv_sec)) + '.' +
           QByteArray::number(qint64(found.st_mtim.tv_nsec));
}

bool Vault::isUnlocked() const
{
    return m_state.withLock([](const State& state) { return state.keys.has_value(); });
}

void Vault::lock()
{
    m_state.withLock([](State& state) { state.keys.reset(); });
}

Result<VaultFile> Vault::load() const
{
    const Handle handle(::open(QFile::encodeName(m_path).constData(),
                               O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (!handle) {
        if (errno == ENOENT) {
            return fail(ErrorCode::NotFound, u"There is no vault yet."_s, m_path);
        }
        return systemError(m_path, "read");
    }
    struct stat found = {};
    if (::fstat(handle.get(), &found) != 0) {
        return systemError(m_path, "read");
    }
    if (!S_ISREG(found.st_mode) || found.st_size > mostBytes) {
        return fail(ErrorCode::Corrupt, u"%1 is no vault."_s.arg(m_path), m_path);
    }
    QByteArray bytes(found.st_size, '\0');
    qsizetype done = 0;
    while (done < bytes.size()) {
        const auto got = ::read(handle.get(), bytes.data() + done, size_t(bytes.size() - done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return systemError(m_path, "read");
        }
        if (got == 0) {
            break; // shorter meanwhile: the checksum tells
        }
        done += got;
    }
    bytes.truncate(done);
    auto file = VaultFile::decode(bytes);
    if (!file) {
        file.error().context = m_path;
    }
    return file;
}

// On disk or not at all: a file beside it, flushed, takes its place, and then the folder is
// flushed.
Result<> Vault::save(const VaultFile& file) const
{
    const QString folder = QFileInfo(m_path).path();
    const QByteArray target = QFile::encodeName(m_path);
    const QByteArray fresh = target + '.' + randomBytes(6).toHex();
    const auto written = [&]() -> Result<> {
        const Handle handle(::open(fresh.constData(),
                                   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                                   S_IRUSR | S_IWUSR));
        if (!handle) {
            return systemError(m_path, "written");
        }
        SB_CHECK(writeAll(handle.get(), file.encode(), m_path));
        if (::fsync(handle.get()) != 0) {
            return systemError(m_path, "written");
        }
        return {};
    }();
    if (!written || ::rename(fresh.constData(), target.constData()) != 0) {
        const auto error =
            written ? systemError(m_path, "written") : std::unexpected(written.error());
        ::unlink(fresh.constData());
        return error;
    }
    const Handle handle(::open(QFile::encodeName(folder).constData(), O_RDONLY | O_CLOEXEC));
    if (!handle || ::fsync(handle.get()) != 0) {
        return systemError(m_path, "written");
    }
    return {};
}

Result<> Vault::create(const SecretString& passphrase)
{
    SB_CHECK(checkPassphrase(passphrase));
    if (sodium_init() < 0) {
        return fail(ErrorCode::Internal, u"This machine gives no random numbers."_s);
    }
    VaultFile file;
    file.cost = m_cost;
    file.salt = randomBytes(crypto_pwhash_SALTBYTES);
    SB_TRY(VaultKeys keys, VaultKeys::derive(passphrase, file.salt, file.cost));
    return m_state.withLock([&](State& state) -> Result<> {
        SB_TRY(const auto ours, turn(m_path));
        if (exists()) {
            return fail(ErrorCode::Conflict, u"There is a vault already."_s, m_path);
        }
        file.check = keys.check();
        SB_CHECK(resave(state, std::move(file), keys, {}));
        state.keys.emplace(std::move(keys));
        return {};
    });
}

Result<> Vault::unlock(const SecretString& passphrase)
{
    SB_TRY(const VaultFile file, load());
    SB_TRY(VaultKeys keys, VaultKeys::derive(passphrase, file.salt, file.cost));
    if (!keys.belongTo(file)) {
        return fail(ErrorCode::Forbidden, u"This is not the passphrase of the vault."_s);
    }
    SB_CHECK(keys.checkSeal(file));
    // Whether it was altered shows now and not only when a key is needed.
    for (qsizetype i = 0; i < file.records.size(); ++i) {
        SB_CHECK(keys.open(file, i));
    }
    m_state.withLock([&](State& state) {
        state.keys.emplace(std::move(keys));
        state.generation = std::max(state.generation, file.generation);
    });
    return {};
}

Result<QStringList> Vault::names() const
{
    SB_TRY(const VaultFile file, load());
    QStringList names;
    for (const auto& record : file.records) {
        names.append(record.name);
    }
    return names;
}

template <class F>
auto Vault::opened(State& state, F f) -> std::invoke_result_t<F, VaultFile&, const VaultKeys&>
{
    SB_TRY(VaultFile file, load());
    if (!state.keys) {
        return locked();
    }
    if (!state.keys->belongTo(file)) {
        state.keys.reset(); // another process gave it another passphrase
        return locked();
    }
    SB_CHECK(state.keys->checkSeal(file));
    if (defended("secrets.vault-rollback") && file.generation < state.generation) {
        return fail(ErrorCode::Corrupt,
                    u"The vault is older than when it was read before: somebody put back a copy. "
                    u"Restart Signalbox if that was you."_s,
                    m_path);
    }
    state.generation = file.generation;
    return f(file, *state.keys);
}

Result<SecretString> Vault::read(const QString& name)
{
    return m_state.withLock([&](State& state) {
        return opened(state, [&](VaultFile& file, const VaultKeys& keys) -> Result<SecretString> {
            const auto index = file.indexOf(name);
            if (index < 0) {
                return fail(ErrorCode::NotFound, u"The vault holds no entry \"%1\"."_s.arg(name));
            }
            return keys.open(file, index);
        });
    });
}

// Every save seals all entries anew, so that none fits into an older or newer copy of the file.
Result<> Vault::resave(State& state,
                       VaultFile file,
                       const VaultKeys& keys,
                       const std::vector<SecretString>& values)
{
    ++file.generation;
    file.save = randomBytes(16);
    for (size_t i = 0; i < values.size(); ++i) {
        keys.seal(file, qsizetype(i), values[i]);
    }
    keys.seal(file);
    SB_CHECK(save(file));
    state.generation = file.generation;
    return {};
}

Result<> Vault::write(const QString& name, const SecretString& value)
{
    if (name.isEmpty() || name.size() > 128) {
        return fail(ErrorCode::InvalidInput, u"A key's name has 1 to 128 characters."_s);
    }
    return m_state.withLock([&](State& state) -> Result<> {
        SB_TRY(const auto ours, turn(m_path));
        return opened(state, [&](VaultFile& file, const VaultKeys& keys) -> Result<> {
            std::vector<SecretString> values;
            const auto index = file.indexOf(name);
            for (qsizetype i = 0; i < file.records.size(); ++i) {
                if (i == index) {
                    values.push_back(value.clone());
                    continue;
                }
                SB_TRY(SecretString kept, keys.open(file, i));
                values.push_back(std::move(kept));
            }
            if (index < 0 && !value.isEmpty()) {
                file.records.append({name, {}, {}});
                values.push_back(value.clone());
            } else if (value.isEmpty()) {
                if (index < 0) {
                    return {};
                }
                file.records.removeAt(index);
                values.erase(values.begin() + index);
            }
            return resave(state, std::move(file), keys, values);
        });
    });
}

Result<> Vault::changePassphrase(const SecretString& passphrase)
{
    SB_CHECK(checkPassphrase(passphrase));
    const QByteArray salt = randomBytes(crypto_pwhash_SALTBYTES);
    SB_TRY(VaultKeys fresh, VaultKeys::derive(passphrase, salt, m_cost));
    return m_state.withLock([&](State& state) -> Result<> {
        SB_TRY(const auto ours, turn(m_path));
        SB_CHECK(opened(state, [&](VaultFile& file, const VaultKeys& keys) -> Result<> {
            std::vector<SecretString> values;
            for (qsizetype i = 0; i < file.records.size(); ++i) {
                SB_TRY(SecretString kept, keys.open(file, i));
                values.push_back(std::move(kept));
            }
            file.cost = m_cost;
            file.salt = salt;
            file.check = fresh.check();
            return resave(state, std::move(file), fresh, values);
        }));
        state.keys.emplace(std::move(fresh));
        return {};
    });
}

} // namespace sb::secrets
