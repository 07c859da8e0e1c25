#pragma once
#include "tests/support/ScriptedModel.h"

namespace sb::test {

/// Frames a reply in one of the two interfaces. One of these serves one reply.
class ScriptedWire
{
public:
    ScriptedWire(bool anthropic, const QString& model, quint64 number);

    void begin(QByteArray& out, const Reply& reply);
    void text(QByteArray& out, const QString& piece);
    void call(QByteArray& out, const Reply::Call& call);
    void end(QByteArray& out, const Reply& reply);
    /// The whole answer as one document.
    [[nodiscard]] QByteArray document(const Reply& reply) const;

private:
    [[nodiscard]] QString idOf(const Reply::Call& call, int index) const;
    void closeBlock(QByteArray& out);
    void chunk(QByteArray& out, const QByteArray& delta, const QByteArray& finish) const;

    bool m_anthropic;
    QByteArray m_id;
    QByteArray m_model; // with quotes
    int m_block = -1;   // Anthropic's open content block
    bool m_inText = false;
    int m_calls = 0;
};

} // namespace sb::test
