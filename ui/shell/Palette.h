#pragma once
#include "ui/theme/Theme.h"

#include <QAction>
#include <QFrame>
#include <QPointer>

class QLineEdit;
class QListWidget;

namespace sb::shell {

/// How well the typed letters fit a text: each must occur, in order. Words' beginnings and
/// neighbours count more. Nothing when they do not fit.
std::optional<int> fuzzyScore(const QString& typed, const QString& text);

/// Every action by name, with its shortcut: type a few letters, press Enter. Lies over the window
/// that it is made for.
class Palette final : public QFrame
{
    Q_OBJECT
public:
    struct Command
    {
        QString path; ///< the menu that it is in, or the panel
        QPointer<QAction> action;
    };
    Palette(theme::Theme& theme, QWidget* window);

    void open(const QList<Command>& commands);
    /// What the list shows now, best first.
    [[nodiscard]] QStringList shown() const;

protected:
    void paintEvent(QPaintEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void filter();
    void run();
    void leave();
    void fit();

    theme::Theme& m_theme;
    QLineEdit* m_words;
    QListWidget* m_list;
    QList<Command> m_commands;
    QPointer<QWidget> m_focusBefore;
};

} // namespace sb::shell
