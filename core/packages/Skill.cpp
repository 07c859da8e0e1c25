#include "core/packages/Skill.h"

#include "core/config/Yaml.h"
#include "core/packages/Manifest.h"

#include <QStringDecoder>

using namespace Qt::StringLiterals;

namespace sb::packages {

namespace {

constexpr qsizetype longestFrontMatter = 16 << 10;
constexpr qsizetype longestDescription = 1024;

std::unexpected<Error> wrong(const QString& message)
{
    return fail(ErrorCode::InvalidInput, message, u"SKILL.md"_s);
}

Result<QString> textOf(const config::YamlNode& map, QStringView key, qsizetype longest)
{
    const auto* node = map.find(key);
    const bool isText = node != nullptr && node->kind == config::YamlNode::Kind::Scalar;
    const QString text = isText ? node->text.simplified() : QString();
    if (text.isEmpty() || text.size() > longest) {
        return wrong(u"SKILL.md needs a \"%1\" of 1 to %2 characters."_s.arg(key).arg(longest));
    }
    return text;
}

} // namespace

Result<Skill> parseSkill(const QByteArray& bytes)
{
    if (bytes.size() > longestSkill) {
        return wrong(u"SKILL.md is larger than %1 KiB."_s.arg(longestSkill >> 10));
    }
    QStringDecoder decoder(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
    QString text = decoder(bytes);
    if (decoder.hasError() || text.contains(QChar::Null)) {
        return wrong(u"SKILL.md is not a text in UTF-8."_s);
    }
    text.replace(u"\r\n"_s, u"\n"_s);
    if (text.startsWith(QChar::ByteOrderMark)) {
        text.remove(0, 1);
    }
    if (!text.startsWith(u"---\n")) {
        return wrong(u"SKILL.md must start with a line \"---\" and its name and description."_s);
    }
    const auto end = text.indexOf(u"\n---"_s, 3);
    if (end < 0 || (end + 4 < text.size() && text[end + 4] != u'\n')) {
        return wrong(u"The front matter of SKILL.md does not end with a line \"---\"."_s);
    }
    const QByteArray front = text.sliced(4, std::max<qsizetype>(0, end - 4)).toUtf8();
    if (front.size() > longestFrontMatter) {
        return wrong(u"The front matter of SKILL.md is larger than 16 KiB."_s);
    }
    SB_TRY(const auto root, config::readYaml(front, u"SKILL.md"_s));
    Skill skill;
    SB_TRY(skill.name, textOf(root, u"name", 64));
    if (const auto problem = nameProblem(skill.name); !problem.isEmpty()) {
        return wrong(u"The skill's name %1."_s.arg(problem));
    }
    SB_TRY(skill.description, textOf(root, u"description", longestDescription));
    skill.body = text.sliced(std::min(end + 5, text.size())).trimmed();
    return skill;
}

} // namespace sb::packages
