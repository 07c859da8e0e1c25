#include "ui/panels/journal/EntryDetails.h"

#include "ui/panels/parts/FlowLayout.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QBoxLayout>
#include <QClipboard>
#include <QGuiApplication>
#include <QJsonDocument>
#include <QPushButton>
#include <QTextBlock>
#include <QTextBrowser>
#include <QUrlQuery>

using namespace Qt::StringLiterals;

namespace sb::panels {

using protocol::Entry;
using protocol::Kind;
using theme::Tone;
using widgets::ToneLabel;

namespace {

constexpr qsizetype mostShown =
    256 * 1024; // a payload is rarely more than 64 KiB; a page must stay quick

} // namespace

EntryDetails::EntryDetails(const Context& context, QWidget* parent)
    : QWidget(parent)
    , m_context(context)
    , m_text(new QTextBrowser(this))
    , m_undo(new QPushButton(tr("Undo this write"), this))
    , m_copy(new QPushButton(tr("Copy as JSON"), this))
    , m_outcome(new ToneLabel(context.theme, ToneLabel::Role::Body, Tone::Secondary, {}, this))
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins({});
    layout->setSpacing(0);
    auto* buttons = new QWidget(this);
    auto* row = new FlowLayout(buttons);
    row->setContentsMargins(
        theme::space::margin, theme::space::inside, theme::space::margin, theme::space::inside);
    m_undo->setIcon(context.theme.icon(u"undo"_s));
    m_undo->setObjectName(u"undoWrite"_s);
    m_copy->setIcon(context.theme.icon(u"copy"_s));
    for (auto* button : {m_undo, m_copy}) {
        button->setAutoDefault(false);
        row->addWidget(button);
    }
    m_outcome->setMinimumWidth(1);
    m_outcome->setContentsMargins(
        theme::space::margin, 0, theme::space::margin, theme::space::inside);
    m_outcome->setObjectName(u"undoOutcome"_s);
    m_outcome->hide();
    layout->addWidget(m_text, 1);
    layout->addWidget(m_outcome);
    layout->addWidget(buttons);

    m_text->setOpenLinks(false);
    m_text->setFrameShape(QFrame::NoFrame);
    m_text->setAccessibleName(tr("Details of the entry"));
    m_text->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_text->setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    m_text->document()->setDocumentMargin(theme::space::related);
    connect(m_text, &QTextBrowser::anchorClicked, this, [this](const QUrl& url) {
        const QUrlQuery query(url);
        Q_EMIT linkActivated({Link::To::Entry,
                              query.queryItemValue(u"agent"_s, QUrl::FullyDecoded),
                              {},
                              query.queryItemValue(u"seq"_s).toLongLong()});
    });
    connect(&context.theme, &theme::Theme::changed, this, &EntryDetails::fill);
    connect(m_undo, &QPushButton::clicked, this, &EntryDetails::undo);
    connect(m_copy, &QPushButton::clicked, this, [this] {
        QGuiApplication::clipboard()->setText(
            QString::fromUtf8(QJsonDocument(protocol::entryToJson(m_entry)).toJson()));
    });
}

void EntryDetails::show(const Entry& entry, const QList<Entry>& caused)
{
    if (entry == m_entry && caused == m_caused) {
        return; // a page that is being read is not set again
    }
    if (entry.agent != m_entry.agent || entry.seq != m_entry.seq) {
        m_outcome->hide();
        m_undo->setEnabled(true);
    }
    m_entry = entry;
    m_caused = caused;
    m_undo->setVisible(entry.kind == Kind::CheckpointCreated && !entry.erased);
    fill();
}

void EntryDetails::clear()
{
    m_entry = {};
    m_caused.clear();
    m_text->clear();
    m_undo->hide();
}

QString EntryDetails::linkTo(const QString& agent, qint64 seq, const QString& words) const
{
    QUrlQuery query;
    query.addQueryItem(u"agent"_s, agent);
    query.addQueryItem(u"seq"_s, QString::number(seq));
    QUrl url(u"entry:"_s);
    url.setQuery(query);
    return u"<a href=\"%1\">%2</a>"_s.arg(QString::fromUtf8(url.toEncoded()).toHtmlEscaped(),
                                          widgets::visibleText(words).toHtmlEscaped());
}

QString EntryDetails::fieldsBefore() const
{
    QString html = u"<b>%1</b>"_s.arg(tr("%1, entry %2 of %3")
                                          .arg(protocol::kindName(m_entry.kind))
                                          .arg(m_entry.seq)
                                          .arg(m_entry.agent)
                                          .toHtmlEscaped());
    html += u"<table cellspacing=\"2\">"_s;
    const auto row = [&html](const QString& name, const QString& value) {
        html += u"<tr><td style=\"padding-right:12px\">"_s + name.toHtmlEscaped() + u"</td><td>"_s +
                value + u"</td></tr>"_s;
    };
    row(tr("Time"),
        u"%1<br>%2"_s.arg(widgets::exactTimeText(m_entry.time).toHtmlEscaped(),
                          timeText(m_entry.time)));
    if (!m_entry.process.isEmpty()) {
        row(tr("Process"), widgets::visibleText(m_entry.process).toHtmlEscaped());
    }
    if (!m_entry.cause.isEmpty()) {
        // "12" in the same chain, "other:12" in another.
        const auto colon = m_entry.cause.lastIndexOf(u':');
        const auto agent = colon < 0 ? m_entry.agent : m_entry.cause.left(colon);
        row(tr("Cause"),
            linkTo(agent,
                   m_entry.cause.mid(colon + 1).toLongLong(),
                   tr("entry %1").arg(m_entry.cause)));
    }
    QStringList links;
    for (const auto& entry : m_caused.first(std::min<qsizetype>(m_caused.size(), 20))) {
        links.append(linkTo(
            entry.agent, entry.seq, u"%1 %2"_s.arg(entry.seq).arg(protocol::kindName(entry.kind))));
    }
    if (!links.isEmpty()) {
        row(tr("Caused"), links.join(u"<br>"_s) + (m_caused.size() > 20 ? u"<br>…"_s : QString()));
    }
    return html + u"</table>"_s;
}

QString EntryDetails::fieldsAfter() const
{
    QStringList lines{tr("Hash %1").arg(QString::fromLatin1(m_entry.hash.toHex()))};
    if (!m_entry.traceId.isEmpty()) {
        lines.append(tr("Trace %1, span %2").arg(m_entry.traceId, m_entry.spanId));
    }
    return lines.join(u'\n');
}

QString EntryDetails::payloadText() const
{
    if (m_entry.erased) {
        return tr("The payload was erased. The chain still holds.");
    }
    auto text = QString::fromUtf8(QJsonDocument(m_entry.payload).toJson()).trimmed();
    if (text.size() > mostShown) {
        text = text.left(mostShown) + u'\n' +
               tr("… %1 more characters; copy it as JSON to see all")
                   .arg(widgets::countText(text.size() - mostShown));
    }
    return widgets::visibleText(text);
}

void EntryDetails::fill()
{
    if (m_entry.seq == 0) {
        return;
    }
    m_text->setHtml(fieldsBefore());
    QTextCursor cursor(m_text->document());
    cursor.movePosition(QTextCursor::End);
    QTextBlockFormat block;
    block.setLayoutDirection(Qt::LeftToRight);
    block.setTopMargin(theme::space::inside);
    QTextCharFormat code;
    code.setFont(m_context.theme.mono());
    code.setForeground(palette().color(QPalette::Text));
    cursor.insertBlock(block, code);
    m_payloadBlock = cursor.blockNumber();
    m_shownPayload = payloadText();
    block.setTopMargin(0);
    for (const auto& line : m_shownPayload.split(u'\n')) {
        if (cursor.blockNumber() != m_payloadBlock || !cursor.atBlockStart()) {
            cursor.insertBlock(block, code);
        }
        cursor.insertText(line, code);
    }
    QTextCharFormat quiet;
    quiet.setFont(m_context.theme.secondary());
    quiet.setForeground(m_context.theme.colour(Tone::Secondary));
    block.setTopMargin(theme::space::related);
    cursor.insertBlock(block, quiet);
    cursor.insertText(fieldsAfter(), quiet);
    m_text->moveCursor(QTextCursor::Start);
    if (m_entry.erased) {
        return;
    }
    const auto lines = m_highlighter.highlight(
        m_shownPayload,
        u"json"_s,
        m_text->palette().color(QPalette::Base),
        this,
        [this, wanted = m_shownPayload](const widgets::CodeHighlighter::Lines& ready) {
            if (wanted == m_shownPayload) {
                colour(ready);
            }
        });
    if (lines) {
        colour(*lines);
    }
}

void EntryDetails::colour(const widgets::CodeHighlighter::Lines& lines)
{
    auto* page = m_text->document();
    auto block = page->findBlockByNumber(m_payloadBlock);
    const int start = block.position();
    for (const auto& formats : lines) {
        if (!block.isValid()) {
            break;
        }
        block.layout()->setFormats(formats);
        block = block.next();
    }
    page->markContentsDirty(start, page->characterCount() - start);
}

void EntryDetails::undo()
{
    m_undo->setEnabled(false);
    m_outcome->setTone(Tone::Secondary);
    m_outcome->setText(tr("Putting the file back…"));
    m_outcome->show();
    m_context.bridge.request(
        protocol::UndoWrite{m_entry.agent, m_entry.seq, u"window"_s},
        this,
        [this, agent = m_entry.agent, seq = m_entry.seq](const Result<protocol::Done>& reply) {
            if (agent != m_entry.agent || seq != m_entry.seq) {
                return; // another entry is shown now
            }
            m_undo->setEnabled(!reply);
            m_outcome->setTone(reply ? Tone::Done : Tone::Failed);
            m_outcome->setText(reply ? tr("The file is as it was before this write.")
                                     : tr("It was not undone: %1").arg(reply.error().message));
        });
}

} // namespace sb::panels
