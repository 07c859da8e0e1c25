#pragma once
#include "core/base/Clock.h"
#include "ui/panels/conversation/HeightIndex.h"
#include "ui/panels/conversation/RowLayout.h"

#include <QAbstractScrollArea>
#include <QPointer>
#include <QTimer>
#include <list>

class QPushButton;

namespace sb::panels {

/// Shows a Transcript. Only the rows in sight are laid out; a few hundred layouts are kept. The row
/// at the top of the view stays where it is while things change around it, unless the reader is at
/// the end: then the end stays.
class TranscriptView final : public QAbstractScrollArea
{
    Q_OBJECT
public:
    TranscriptView(theme::Theme& theme, Clock& clock, QWidget* parent = nullptr);
    ~TranscriptView() override;

    /// Shows another conversation, where the reader left it. Null shows nothing.
    void setTranscript(Transcript* transcript);
    [[nodiscard]] Transcript* transcript() const { return m_transcript; }

    [[nodiscard]] bool isAtEnd() const { return m_atEnd; }
    void jumpToEnd();
    void setCurrentRow(int row); ///< and scrolls to it
    [[nodiscard]] int currentRow() const { return m_current; }
    [[nodiscard]] int unseen() const { return m_unseen; }
    /// Where the row is in the viewport; for accessibility and tests.
    [[nodiscard]] QRect rowRect(int row);
    /// The rows that are in sight, first and last; (-1, -1) without any.
    [[nodiscard]] std::pair<int, int> rowsInSight() const;

    [[nodiscard]] bool hasSelection() const;
    [[nodiscard]] QString selectedText();
    void copy(); ///< the selection, else the current row
    void selectRow(int row);
    /// Finds the words after the selection (before it when backwards), selects and shows them.
    bool find(const QString& words, bool backwards);
    void toggle(int row); ///< folds or unfolds

    /// How many times the viewport was painted: nothing may paint while nothing changes.
    [[nodiscard]] int paintCount() const { return m_paints; }

Q_SIGNALS:
    void olderWanted(); ///< the reader comes near the top
    void linkClicked(const QString& address);
    void rowMenuRequested(int row, const QPoint& globalPosition);
    void currentRowChanged(int row);
    void unseenChanged(int count);

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    bool viewportEvent(QEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    struct Place
    {
        int row = 0;
        RowPosition position;
        auto operator<=>(const Place&) const = default;
    };
    struct Reading ///< where the reader left a conversation
    {
        QString item;
        int offset = 0;
        bool atEnd = true;
    };

    void rebuild(); ///< everything is measured anew
    RowLayout& layoutOf(int row);
    void forget(int row);
    void measureInSight();
    void syncScrollBar();
    void keepAnchor();
    void onInserted(int first, int count);
    void onRemoved(int row);
    void onChanged(int row);
    void onStreamed(int row);
    void setUnseen(int count);
    void placeJumpButton();
    [[nodiscard]] RowLayout::Style style() const;
    [[nodiscard]] QPoint inRow(int row, const QPoint& point) const;
    [[nodiscard]] Place placeAt(const QPoint& point);
    [[nodiscard]] std::pair<Place, Place> selection() const; ///< in order
    void setSelection(Place from, Place to);
    void showPlace(const Place& place);
    void moveCurrent(int step, bool extend);
    void updateCursor(const QPoint& point);

    theme::Theme& m_theme;
    Clock& m_clock;
    std::unique_ptr<widgets::CodeHighlighter> m_highlighter;
    QPointer<Transcript> m_transcript;
    QHash<QString, Reading> m_readings; // by agent/channel

    HeightIndex m_heights;
    QList<bool> m_measured;
    struct Kept
    {
        std::unique_ptr<RowLayout> layout;
        std::list<QString>::iterator use;
    };
    std::unordered_map<QString, Kept> m_layouts; // by item id
    std::list<QString> m_uses;                   // most recently used first

    int m_anchorRow = 0;    // the row at the top of the view …
    int m_anchorOffset = 0; // … and how much of it is above
    bool m_atEnd = true;
    bool m_syncing = false;
    int m_current = -1;
    int m_unseen = 0;
    int m_paints = 0;

    Place m_selectionFrom;
    Place m_selectionTo;
    bool m_selecting = false;
    QPoint m_pressed;
    QTimer m_autoScroll;
    QPushButton* m_jump;
};

} // namespace sb::panels
