#pragma once
#include "core/base/Clock.h"
#include "ui/theme/Theme.h"

#include <QStyledItemDelegate>

namespace sb::panels {

/// Draws a heading or a conversation: title and marks, below them the last words and how old they
/// are.
class ChannelDelegate final : public QStyledItemDelegate
{
    Q_OBJECT
public:
    ChannelDelegate(theme::Theme& theme, Clock& clock, QObject* parent);
    void paint(QPainter* painter,
               const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option,
                                 const QModelIndex& index) const override;

private:
    theme::Theme& m_theme;
    Clock& m_clock;
};

} // namespace sb::panels
