#pragma once
#include "core/base/Result.h"

#include <QString>
#include <vector>

namespace sb::config {

/// A piece of a YAML file and where it stands.
struct YamlNode
{
    enum class Kind { Null, Scalar, List, Map };
    struct Pair;

    Kind kind = Kind::Null;
    QString text;        ///< of a scalar
    bool quoted = false; ///< a scalar in quotes or of several lines is always text
    int line = 1;
    int column = 1;
    std::vector<YamlNode> items; ///< of a list
    std::vector<Pair> pairs;     ///< of a map, in the file's order
    /// The value of a key; nullptr when it is absent.
    [[nodiscard]] const YamlNode* find(QStringView key) const;
};

struct YamlNode::Pair
{
    YamlNode key;
    YamlNode value;
};

/// An InvalidInput error: "signalbox.yaml:12:7: …".
std::unexpected<Error>
yamlError(const QString& fileName, int line, int column, const QString& message);

/// Reads one YAML document without anchors, aliases and tags.
Result<YamlNode> readYaml(const QByteArray& bytes, const QString& fileName);

} // namespace sb::config
