#pragma once
#include "core/taint/Fingerprint.h"
#include "core/taint/Source.h"

#include <QJsonObject>
#include <functional>
#include <memory>

namespace sb::taint {

/// What comes from elsewhere into one argument of a call (exactly), or into the call as a whole
/// (by influence).
struct Flow
{
    QString argument; ///< its path: "command", "headers.0"; empty for the call as a whole
    Labels labels;
    bool isPrecise = false;
    QList<Source> sources; ///< each with a path that leads here
    bool operator==(const Flow&) const = default;
};

/// As an approval shows them: one a source.
QList<protocol::FlowInfo> toInfo(const QList<Flow>& flows);

/// What a process's model has before it: a value that is cheap to copy, and safe to read from
/// several threads.
class Context
{
public:
    /// A text that the model reads. Words of `fingerprint` that come again in an argument carry the
    /// labels of those sources that the text holds exactly. A text without sources is the model's
    /// own.
    void add(std::shared_ptr<const Fingerprint> fingerprint, const QList<Source>& sources);

    /// The join of all that was read.
    [[nodiscard]] Labels labels() const { return m_labels; }
    [[nodiscard]] bool isEmpty() const { return m_texts.isEmpty(); }
    /// Everything that was read, as influences, the graver ones first.
    [[nodiscard]] QList<Source> influences(qsizetype most = 12) const;

    /// The sources that a text quotes. What a person said in these very words themselves is not
    /// counted for others.
    [[nodiscard]] QList<Source> quotedBy(const QString& text) const;

    /// What a text that the model wrote carries: exactly what it quotes, and by influence the rest.
    [[nodiscard]] QList<Source> carriedBy(const QString& text) const;

    /// The precise flows into the arguments, by argument.
    [[nodiscard]] QList<Flow> flowsInto(const QJsonObject& arguments) const;

private:
    struct Text
    {
        std::shared_ptr<const Fingerprint> fingerprint;
        QList<Source> sources;
        Labels exact;
        bool isPersons = false; ///< nothing but what a person said
    };
    QList<Text> m_texts;
    Labels m_labels;
};

/// Calls f with the path and text of every string in the object, keys included.
void eachText(const QJsonObject& object,
              const std::function<void(const QString& path, const QString& text)>& f);

} // namespace sb::taint
