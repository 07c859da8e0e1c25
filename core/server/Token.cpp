#include "core/server/Token.h"

#include "core/base/Defence.h"
#include "core/base/Ids.h"
#include "core/server/Folders.h"
#include "core/server/Reactor.h"

#include <QFile>
#include <QFileInfo>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sb::server {

namespace {

constexpr int randomSize = 32;
constexpr qsizetype shortest = 32; // characters of a token that somebody wrote by hand
constexpr size_t longest = 1024;

bool usable(const QByteArray& token)
{
    return token.size() >= shortest &&
           std::ranges::all_of(token, [](char c) { return c > ' ' && c < 127; });
}

// Nothing: there is no token that can be used.
Result<std::optional<SecretString>> load(const QString& path)
{
    const Fd file(::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) {
        if (errno == ENOENT) {
            return std::nullopt;
        }
        if (errno == ELOOP) {
            return fail(
                ErrorCode::Forbidden,
                QStringLiteral("The token's file %1 is a link, so it is not used.").arg(path),
                path);
        }
        return systemFailure(
            QStringLiteral("The token's file %1 cannot be read").arg(path), errno, path);
    }
    struct stat facts{};
    if (::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
        facts.st_uid != ::geteuid()) {
        return fail(ErrorCode::Forbidden,
                    QStringLiteral("The token's file %1 is not a file of yours, so it is not used.")
                        .arg(path),
                    path);
    }
    if ((facts.st_mode & 077) != 0) {
        return std::nullopt; // somebody else may know it
    }
    std::array<char, longest> buffer;
    const auto size = ::read(file.get(), buffer.data(), buffer.size());
    if (size < 0) {
        return systemFailure(
            QStringLiteral("The token's file %1 cannot be read").arg(path), errno, path);
    }
    QByteArray token = QByteArray(buffer.data(), size).trimmed();
    sodium_memzero(buffer.data(), buffer.size());
    if (!usable(token)) {
        return std::nullopt;
    }
    return SecretString(std::move(token));
}

Result<> store(const QString& path, const QByteArray& token)
{
    const QByteArray target = QFile::encodeName(path);
    const QByteArray draft = target + ".new-" + randomBytes(6).toHex();
    Fd file(::open(draft.constData(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) {
        return systemFailure(
            QStringLiteral("The token's file %1 cannot be written").arg(path), errno, path);
    }
    const QByteArray line = token + '\n';
    const bool written =
        ::write(file.get(), line.constData(), size_t(line.size())) == line.size() &&
        ::fsync(file.get()) == 0;
    if (!written || ::rename(draft.constData(), target.constData()) != 0) {
        const int code = errno;
        ::unlink(draft.constData());
        return systemFailure(
            QStringLiteral("The token's file %1 cannot be written").arg(path), code, path);
    }
    return {};
}

} // namespace

Result<SecretString> Token::loadOrCreate(const QString& path)
{
    SB_CHECK(ensurePrivateFolder(QFileInfo(path).path()));
    SB_TRY(auto token, load(path));
    if (token) {
        return *std::move(token);
    }
    QByteArray made = randomBytes(randomSize)
                          .toBase64(QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals);
    SB_CHECK(store(path, made));
    return SecretString(std::move(made));
}

bool Token::matches(const SecretString& token, QByteArrayView given)
{
    return token.expose([&](QByteArrayView expected) {
        if (!defended("http.token-timing")) {
            return !expected.isEmpty() && expected == given;
        }
        return !expected.isEmpty() && expected.size() == given.size() &&
               sodium_memcmp(expected.data(), given.data(), size_t(expected.size())) == 0;
    });
}

} // namespace sb::server
