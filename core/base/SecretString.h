#pragma once
#include <QByteArray>
#include <memory>

namespace sb {

/// A key or password in memory that is locked, outside dumps, and wiped on release. It cannot be
/// printed or copied.
class SecretString
{
public:
    SecretString() = default;
    /// Takes the bytes over and wipes the caller's copy.
    explicit SecretString(QByteArray&& bytes);
    SecretString(SecretString&&) noexcept = default;
    SecretString& operator=(SecretString&&) noexcept = default;
    SecretString(const SecretString&) = delete;
    SecretString& operator=(const SecretString&) = delete;
    ~SecretString() = default;

    [[nodiscard]] bool isEmpty() const { return m_size == 0; }
    /// A second locked copy, for a second owner.
    [[nodiscard]] SecretString clone() const;
    /// Shows the bytes for as long as f runs; f must not keep them.
    template <class F>
    decltype(auto) expose(F&& f) const
    {
        return std::forward<F>(f)(QByteArrayView(m_bytes.get(), m_size));
    }

private:
    struct Release
    {
        void operator()(char* bytes) const;
    };
    std::unique_ptr<char, Release> m_bytes;
    qsizetype m_size = 0;
};

} // namespace sb
