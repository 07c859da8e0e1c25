#pragma once
#include "core/llm/Provider.h"

#include <QByteArrayView>

namespace sb::llm {

/// Reads one answer of a service, event by event or whole. What the two wire formats share stands
/// here.
class Decoder
{
public:
    virtual ~Decoder() = default;
    /// Takes one event of a stream in.
    virtual Result<> event(QByteArrayView name, QByteArrayView data) = 0;
    /// Takes an answer in that came in one piece.
    virtual Result<> whole(const QJsonObject& object) = 0;

    /// The model said why it stopped: the answer may be used.
    [[nodiscard]] bool isComplete() const { return m_complete; }
    /// The stream's end mark came; nothing follows.
    [[nodiscard]] bool hasEnded() const { return m_ended; }
    /// Characters of text and arguments so far.
    [[nodiscard]] qint64 size() const { return m_size; }
    /// The text that came since this was last asked.
    QString takePending() { return std::exchange(m_pending, {}); }
    [[nodiscard]] bool hasToolCalls() const { return !m_calls.empty(); }
    /// The answer; ids of calls are made up where they lack or repeat.
    Response take();

protected:
    struct PartialCall
    {
        qint64 index = 0;
        QString id;
        QString name;
        QString arguments;
        QJsonObject whole; ///< arguments of services that send an object
    };

    void addText(const QString& text);
    void addArguments(PartialCall& call, const QString& text);

    Response m_response;
    std::vector<PartialCall> m_calls;
    bool m_complete = false;
    bool m_ended = false;

private:
    QString m_pending;
    qint64 m_size = 0;
};

/// Parses JSON from a stranger: an object, with invalid UTF-8 replaced.
Result<QJsonObject> lenientObject(QByteArrayView data);

} // namespace sb::llm
