#pragma once
#include "ui/theme/Theme.h"
#include "ui/widgets/Badge.h"

#include <QStyledItemDelegate>
#include <functional>
#include <optional>

class QTableView;

namespace sb::panels {

/// How a row of a table looks beyond its cells' texts.
struct RowLook
{
    theme::Tone tone = theme::Tone::Text;    ///< of the cell's text
    std::optional<widgets::BadgeSpec> badge; ///< drawn in the place of the text
    QString icon;                            ///< in a narrow table: in front of the first line
    theme::Tone iconTone = theme::Tone::Secondary;
    QString second; ///< in a narrow table: the line below
    bool isMono = false;
};

/// Draws a table's cells, and in a narrow table (one column left) rows of two lines.
class RowDelegate final : public QStyledItemDelegate
{
    Q_OBJECT
public:
    using Look = std::function<RowLook(const QModelIndex&, bool isNarrow)>;
    RowDelegate(theme::Theme& theme, Look look, QObject* parent);

    void setNarrow(bool isNarrow) { m_isNarrow = isNarrow; }
    [[nodiscard]] bool isNarrow() const { return m_isNarrow; }
    [[nodiscard]] int rowHeight() const;
    void paint(QPainter* painter,
               const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;

protected:
    void initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const override;

private:
    void
    paintTwoLines(QPainter* painter, const QStyleOptionViewItem& option, const RowLook& look) const;

    theme::Theme& m_theme;
    Look m_look;
    bool m_isNarrow = false;
};

/// The settings that all tables of the panels share: rows, no grid, tabular and plain.
void setUpTable(QTableView& table, const QString& accessibleName);

} // namespace sb::panels
