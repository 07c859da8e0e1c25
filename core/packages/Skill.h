#pragma once
#include "core/base/Result.h"

#include <QString>

namespace sb::packages {

/// SKILL.md: a front matter of YAML between two lines of "---", then Markdown for the model.
struct Skill
{
    QString name;
    QString description;
    QString body;
    bool operator==(const Skill&) const = default;
};

inline constexpr qsizetype longestSkill = 256 << 10; ///< bytes of SKILL.md

/// InvalidInput with one sentence. Keys of the front matter besides name and description are passed
/// over: skills written for other programs have them.
[[nodiscard]] Result<Skill> parseSkill(const QByteArray& bytes);

} // namespace sb::packages
