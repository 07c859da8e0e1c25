#pragma once
#include "ui/models/ContainmentRows.h"
#include "ui/theme/Theme.h"
#include "ui/widgets/Badge.h"

#include <QListView>
#include <QStyledItemDelegate>

namespace sb::panels {

/// The icon and word of a mark; nothing for a heading.
widgets::BadgeSpec markBadge(models::Mark mark);

/// Draws a row of ContainmentRows: a badge, the text and what is said beside it; where that is too
/// narrow, two lines.
class MarkedDelegate final : public QStyledItemDelegate
{
    Q_OBJECT
public:
    MarkedDelegate(theme::Theme& theme, const QList<models::Mark>& marks, QObject* parent);

    void setNarrow(bool isNarrow) { m_isNarrow = isNarrow; }
    [[nodiscard]] bool isNarrow() const { return m_isNarrow; }
    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option,
                                 const QModelIndex& index) const override;
    void paint(QPainter* painter,
               const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;

private:
    void paintText(QPainter& painter,
                   const QStyleOptionViewItem& option,
                   const QModelIndex& index) const;

    theme::Theme& m_theme;
    QList<models::Mark> m_marks; // that can occur: the widest of their badges makes the column
    bool m_isNarrow = false;
};

/// A list of rows with headings between, which the keys step over.
class MarkedList final : public QListView
{
    Q_OBJECT
public:
    MarkedList(theme::Theme& theme,
               const QList<models::Mark>& marks,
               const QString& accessibleName,
               QWidget* parent);

    /// From now on it is as tall as its rows, up to so many lines of text; then it scrolls.
    void setMaximumLines(int lines);
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;
    void setModel(QAbstractItemModel* model) override;

protected:
    void currentChanged(const QModelIndex& current, const QModelIndex& previous) override;
    QModelIndex moveCursor(CursorAction action, Qt::KeyboardModifiers modifiers) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void fit();

    theme::Theme& m_theme;
    MarkedDelegate* m_delegate;
    int m_maximumLines = 0; // 0: it takes what it is given
};

} // namespace sb::panels
