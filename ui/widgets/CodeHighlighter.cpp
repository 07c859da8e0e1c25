#include "ui/widgets/CodeHighlighter.h"

#include "ui/theme/Theme.h"

#include <KSyntaxHighlighting/AbstractHighlighter>
#include <KSyntaxHighlighting/Definition>
#include <KSyntaxHighlighting/Format>
#include <KSyntaxHighlighting/Repository>
#include <KSyntaxHighlighting/State>
#include <KSyntaxHighlighting/Theme>
#include <QCryptographicHash>
#include <QPointer>

using namespace Qt::StringLiterals;

namespace sb::widgets {

namespace {

constexpr qsizetype maximumCode = 200'000;

/// Walks over the lines of a text and keeps what each stretch should look like.
class LineReader final : public KSyntaxHighlighting::AbstractHighlighter
{
public:
    CodeHighlighter::Lines read(const QString& code, const QColor& background)
    {
        m_background = background;
        CodeHighlighter::Lines lines;
        KSyntaxHighlighting::State state;
        for (const auto line : QStringView(code).split(u'\n')) {
            m_ranges.clear();
            state = highlightLine(line, state);
            lines.append(std::exchange(m_ranges, {}));
        }
        return lines;
    }

protected:
    void applyFormat(int offset, int length, const KSyntaxHighlighting::Format& format) override
    {
        if (length == 0 || format.isDefaultTextStyle(theme())) {
            return;
        }
        QTextLayout::FormatRange range;
        range.start = offset;
        range.length = length;
        const QColor wanted = format.textColor(theme());
        if (wanted.isValid()) {
            range.format.setForeground(theme::readableOn(wanted, m_background, 4.5));
        }
        if (format.isBold(theme())) {
            range.format.setFontWeight(QFont::DemiBold);
        }
        if (format.isItalic(theme())) {
            range.format.setFontItalic(true);
        }
        m_ranges.append(range);
    }

private:
    QColor m_background;
    QList<QTextLayout::FormatRange> m_ranges;
};

} // namespace

struct CodeHighlighter::Worker
{
    std::optional<KSyntaxHighlighting::Repository>
        repository; // only touched on the pool's one thread

    Lines run(const QString& code, const QString& language, const QColor& background)
    {
        if (!repository) {
            repository.emplace();
        }
        auto definition = repository->definitionForName(language);
        if (!definition.isValid()) {
            definition = repository->definitionForFileName(
                language.contains(u'.') ? language : u"code."_s + language.toLower());
        }
        if (!definition.isValid()) {
            return {};
        }
        const bool dark =
            theme::contrast(background, Qt::white) > theme::contrast(background, Qt::black);
        LineReader reader;
        reader.setDefinition(definition);
        reader.setTheme(
            repository->defaultTheme(dark ? KSyntaxHighlighting::Repository::DarkTheme
                                          : KSyntaxHighlighting::Repository::LightTheme));
        return reader.read(code, background);
    }
};

CodeHighlighter::CodeHighlighter(QObject* parent)
    : QObject(parent), m_cache(400), m_worker(std::make_shared<Worker>())
{
}

CodeHighlighter::~CodeHighlighter() = default;

std::optional<CodeHighlighter::Lines>
CodeHighlighter::highlight(const QString& code,
                           const QString& language,
                           const QColor& background,
                           QObject* guard,
                           std::function<void(const Lines&)> ready)
{
    if (language.isEmpty() || code.size() > maximumCode) {
        return Lines();
    }
    const QByteArray key = QCryptographicHash::hash(
        QString(language + u'\n' + background.name() + u'\n' + code).toUtf8(),
        QCryptographicHash::Md5);
    if (const Lines* known = m_cache.object(key)) {
        return *known;
    }
    if (!m_pool) {
        m_pool = std::make_unique<Pool>(1, u"highlight"_s);
    }
    // The executor of this thread would outlive nothing here: the guard decides on the GUI thread.
    m_pool->post([worker = m_worker,
                  code,
                  language,
                  background,
                  key,
                  this_ = QPointer<CodeHighlighter>(this),
                  context = this,
                  guard_ = QPointer<QObject>(guard),
                  ready = std::move(ready)]() mutable {
        Lines lines = worker->run(code, language, background);
        // The pool is joined before this object goes, so it may be the context of the reply.
        QMetaObject::invokeMethod(
            context,
            [this_, key, guard_, ready = std::move(ready), lines = std::move(lines)] {
                if (this_) {
                    this_->m_cache.insert(key, new Lines(lines));
                }
                if (guard_) {
                    ready(lines);
                }
            },
            Qt::QueuedConnection);
    });
    return std::nullopt;
}

} // namespace sb::widgets
