#include "ui/panels/conversation/TranscriptAccessible.h"

#include "ui/panels/conversation/TranscriptView.h"
#include "ui/widgets/Badge.h"
#include "ui/widgets/CodeHighlighter.h"
#include "ui/widgets/Format.h"

#include <QAccessible>
#include <QAccessibleWidget>
#include <QPointer>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace {

QString nameOf(const Transcript::Row& row)
{
    using protocol::ItemKind;
    switch (row.item.kind) {
    case ItemKind::User:
    case ItemKind::Agent:
        return TranscriptView::tr("%1: %2").arg(
            row.item.author == u"you" ? TranscriptView::tr("You") : row.item.author, row.item.text);
    case ItemKind::Tool:
    case ItemKind::Delegate: {
        const QString state = widgets::stateBadge(row.item.state).word;
        const QString fold =
            row.open ? TranscriptView::tr("unfolded") : TranscriptView::tr("folded");
        QString name = u"%1, %2, %3"_s.arg(widgets::firstLine(row.item.text), state, fold);
        if (row.open && !row.item.detail.isEmpty()) {
            name += u": "_s + row.item.detail.left(4000);
        }
        return name;
    }
    case ItemKind::Notice:
        break;
    }
    return row.item.text;
}

class RowInterface final : public QAccessibleInterface
{
public:
    RowInterface(TranscriptView* view, int row) : m_view(view), m_row(row) {}

    [[nodiscard]] bool isValid() const override
    {
        return m_view && m_view->transcript() && m_row < m_view->transcript()->count();
    }
    [[nodiscard]] QObject* object() const override { return nullptr; }
    [[nodiscard]] QAccessibleInterface* childAt(int, int) const override { return nullptr; }
    [[nodiscard]] QAccessibleInterface* parent() const override
    {
        return QAccessible::queryAccessibleInterface(m_view);
    }
    [[nodiscard]] QAccessibleInterface* child(int) const override { return nullptr; }
    [[nodiscard]] int childCount() const override { return 0; }
    [[nodiscard]] int indexOfChild(const QAccessibleInterface*) const override { return -1; }
    [[nodiscard]] int row() const { return m_row; }
    [[nodiscard]] QString text(QAccessible::Text kind) const override
    {
        if (!isValid()) {
            return {};
        }
        const auto& shown = m_view->transcript()->row(m_row);
        return kind == QAccessible::Name          ? nameOf(shown)
               : kind == QAccessible::Description ? widgets::exactTimeText(shown.item.time)
                                                  : QString();
    }
    void setText(QAccessible::Text, const QString&) override {}
    [[nodiscard]] QRect rect() const override
    {
        if (!isValid()) {
            return {};
        }
        const QRect place = m_view->rowRect(m_row);
        return {m_view->viewport()->mapToGlobal(place.topLeft()), place.size()};
    }
    [[nodiscard]] QAccessible::Role role() const override { return QAccessible::ListItem; }
    [[nodiscard]] QAccessible::State state() const override
    {
        QAccessible::State state;
        if (isValid()) {
            state.focusable = true;
            state.selectable = true;
            state.selected = m_view->currentRow() == m_row;
            state.focused = state.selected && m_view->hasFocus();
            state.invisible = m_view->transcript()->row(m_row).hidden;
            state.busy = m_view->transcript()->row(m_row).streaming;
        }
        return state;
    }

private:
    QPointer<TranscriptView> m_view;
    int m_row;
};

class ViewInterface final : public QAccessibleWidget
{
public:
    explicit ViewInterface(TranscriptView* view) : QAccessibleWidget(view, QAccessible::List) {}
    ~ViewInterface() override
    {
        for (const QAccessible::Id id : m_rows) {
            QAccessible::deleteAccessibleInterface(id);
        }
    }

    [[nodiscard]] int childCount() const override
    {
        return view() && view()->transcript() ? view()->transcript()->count() : 0;
    }
    [[nodiscard]] QAccessibleInterface* child(int index) const override
    {
        if (index < 0 || index >= childCount()) {
            return nullptr;
        }
        if (const auto known = m_rows.constFind(index); known != m_rows.constEnd()) {
            return QAccessible::accessibleInterface(*known);
        }
        auto* made = new RowInterface(view(), index);
        m_rows.insert(index, QAccessible::registerAccessibleInterface(made));
        return made;
    }
    [[nodiscard]] int indexOfChild(const QAccessibleInterface* child) const override
    {
        const auto* row = dynamic_cast<const RowInterface*>(child);
        return row ? row->row() : -1;
    }
    [[nodiscard]] QAccessibleInterface* childAt(int x, int y) const override
    {
        if (!view()) {
            return nullptr;
        }
        const QPoint point = view()->viewport()->mapFromGlobal(QPoint(x, y));
        const auto [first, last] = view()->rowsInSight();
        for (int row = std::max(0, first); row <= last; ++row) {
            if (view()->rowRect(row).contains(point)) {
                return child(row);
            }
        }
        return nullptr;
    }
    [[nodiscard]] QAccessibleInterface* focusChild() const override
    {
        return view() && view()->hasFocus() ? child(view()->currentRow()) : nullptr;
    }

private:
    [[nodiscard]] TranscriptView* view() const { return qobject_cast<TranscriptView*>(object()); }
    mutable QHash<int, QAccessible::Id> m_rows;
};

QAccessibleInterface* makeInterface(const QString&, QObject* object)
{
    auto* view = qobject_cast<TranscriptView*>(object);
    return view ? new ViewInterface(view) : nullptr;
}

} // namespace

void installTranscriptAccessibility()
{
    QAccessible::installFactory(makeInterface); // installing it again changes nothing
}

} // namespace sb::panels
