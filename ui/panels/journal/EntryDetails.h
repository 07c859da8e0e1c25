#pragma once
#include "ui/panels/Panel.h"
#include "ui/widgets/CodeHighlighter.h"

class QPushButton;
class QTextBrowser;

namespace sb::widgets {
class ToneLabel;
}

namespace sb::panels {

/// All that one journal entry says: its fields, links to its cause and to what it caused, its
/// payload.
class EntryDetails final : public QWidget
{
    Q_OBJECT
public:
    EntryDetails(const Context& context, QWidget* parent);

    /// Shows an entry, with those of the loaded ones that name it as their cause.
    void show(const protocol::Entry& entry, const QList<protocol::Entry>& caused);
    void clear();

Q_SIGNALS:
    void linkActivated(const sb::panels::Link& link);

private:
    void fill();
    [[nodiscard]] QString fieldsBefore() const;
    [[nodiscard]] QString fieldsAfter() const;
    [[nodiscard]] QString payloadText() const;
    void colour(const widgets::CodeHighlighter::Lines& lines);
    void undo();
    [[nodiscard]] QString linkTo(const QString& agent, qint64 seq, const QString& words) const;

    Context m_context;
    protocol::Entry m_entry;
    widgets::CodeHighlighter m_highlighter;
    QList<protocol::Entry> m_caused;
    QTextBrowser* m_text; // fields and payload are one page, so that it reads well at any size
    QPushButton* m_undo;
    QPushButton* m_copy;
    widgets::ToneLabel* m_outcome;
    QString m_shownPayload;
    int m_payloadBlock = 0; // where it begins in the page
};

} // namespace sb::panels
