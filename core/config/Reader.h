#pragma once
#include "core/base/Clock.h"
#include "core/config/Config.h"
#include "core/config/Yaml.h"

namespace sb::config {

/// "; did you mean "policy"?" or, where nothing comes close, the choices themselves.
QString suggestion(const QString& word, const QStringList& known);
/// At most 60 characters of it.
QString shortened(const QString& text);

/// Reads single values out of a file's tree. Every error names the value's line and column.
class Reader
{
public:
    Reader(const QString& fileName, const Environment& environment)
        : m_fileName(fileName), m_environment(environment)
    {
    }

    [[nodiscard]] std::unexpected<Error> at(const YamlNode& node, const QString& message) const;
    /// A map that holds only these keys.
    Result<> keys(const YamlNode& node, const QString& what, const QStringList& known);
    Result<const YamlNode*> required(const YamlNode& node, const QString& key, const QString& what);
    Result<> list(const YamlNode& node, const QString& what);
    Result<QString> text(const YamlNode& node, const QString& what);
    Result<QString> requiredText(const YamlNode& node, const QString& key, const QString& what);
    template <class E>
    Result<E>
    oneOf(const YamlNode& node, const QString& what, const QList<std::pair<QString, E>>& names)
    {
        SB_TRY(const QString word, text(node, what));
        QStringList known;
        for (const auto& [name, value] : names) {
            if (name == word) {
                return value;
            }
            known.append(name);
        }
        return at(node,
                  QStringLiteral("%1 cannot be \"%2\"; it is one of %3")
                      .arg(what, shortened(word), known.join(QStringLiteral(", "))));
    }

    Result<double> number(const YamlNode& node, const QString& what, double least, double most);
    Result<int> whole(const YamlNode& node, const QString& what, int least, int most);
    /// 90, 90s, 15m, 24h, 7d.
    Result<Milliseconds> duration(const YamlNode& node, const QString& what);
    /// Bytes: 500000, 500MB, 2GB; a KB is 1024 bytes, and KiB says the same.
    Result<qint64> size(const YamlNode& node, const QString& what);
    /// ~ is the home; a relative path starts at the file's folder.
    Result<QString> path(const YamlNode& node, const QString& what, QString value);
    /// Never shows the value: it may be a key that somebody pasted.
    Result<QString> keyReference(const YamlNode& node);
    /// host:port or *.host:port, in lower case.
    Result<QString> address(const YamlNode& node);

private:
    Result<QString> command(const YamlNode& node, QString line);

    const QString& m_fileName;
    const Environment& m_environment;
};

} // namespace sb::config
