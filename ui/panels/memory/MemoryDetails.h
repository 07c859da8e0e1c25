#pragma once
#include "ui/panels/memory/MemoryEdits.h"

#include <QHash>

class QComboBox;
class QListWidget;
class QListWidgetItem;
class QPlainTextEdit;
class QPushButton;
class QSpinBox;

namespace sb::widgets {
class Banner;
class ToneLabel;
} // namespace sb::widgets

namespace sb::panels {

/// All that is known of one memory, and where it is put right.
class MemoryDetails final : public QWidget
{
    Q_OBJECT
public:
    /// `actions` are offered as buttons, in that order.
    MemoryDetails(const Context& context,
                  MemoryEdits& edits,
                  const QList<QAction*>& actions,
                  QWidget* parent);

    /// Shows a memory as it was known at that moment (0: now); the past can only be read.
    void show(const protocol::GetMemory::Reply& reply, TimeUs moment);
    using QWidget::show;
    /// A sentence in the place of a memory.
    void say(const QString& sentence);
    [[nodiscard]] const protocol::GetMemory::Reply& shown() const { return m_reply; }

    /// Puts the cursor into the text.
    void edit();
    /// Opens the text to be cut into parts.
    void split();

Q_SIGNALS:
    void jumpWanted(const QString& id);
    void linkActivated(const sb::panels::Link& link);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void buildForm(const QList<QAction*>& actions);
    void fill();
    void fillFacts(const protocol::MemoryInfo& memory);
    void fillSources(const protocol::MemoryInfo& memory);
    void fillEdges();
    void tellEdge();
    void fillHistory();
    void textChanged();
    void save();
    void jump(const QListWidgetItem* item);
    void cut(const QListWidgetItem* item);
    void openFile(const QString& path);
    void edited(protocol::MemoryChange change, const QString& told);
    [[nodiscard]] QStringList parts() const;
    [[nodiscard]] const protocol::MemoryInfo& memory() const { return m_reply.memory; }

    Context m_context;
    MemoryEdits& m_edits;
    protocol::GetMemory::Reply m_reply;
    TimeUs m_moment = 0;
    QHash<QString, QString> m_drafts; // texts that are not saved yet, by memory
    bool m_isFilling = false;
    bool m_isSplitting = false;
    widgets::ToneLabel* m_sentence;
    QWidget* m_form;
    QWidget* m_actions;
    QComboBox* m_type;
    QSpinBox* m_importance;
    QPlainTextEdit* m_text;
    QWidget* m_saving;
    widgets::ToneLabel* m_savingWords;
    QPushButton* m_save;
    QPushButton* m_revert;
    widgets::Banner* m_doubt;
    QPushButton* m_promote;
    widgets::ToneLabel* m_facts;
    QPushButton* m_entry;
    QPushButton* m_file;
    QPushButton* m_standing; // the memory that stands for this one
    widgets::ToneLabel* m_edgesTitle;
    QListWidget* m_edges;
    QPushButton* m_go;
    QPushButton* m_cut;
    widgets::ToneLabel* m_historyTitle;
    QListWidget* m_history;
};

} // namespace sb::panels
