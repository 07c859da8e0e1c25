#include "ui/widgets/Format.h"

#include <QCoreApplication>
#include <QLocale>
#include <QTimeZone>

using namespace Qt::StringLiterals;

namespace sb::widgets {

namespace {

/// Gives lupdate the context that these words are translated in.
struct Format
{
    Q_DECLARE_TR_FUNCTIONS(Format)
};

QDateTime local(TimeUs time)
{
    return QDateTime::fromMSecsSinceEpoch(time / 1000);
}

QString twoDigits(qint64 value)
{
    return QLocale().toString(value).rightJustified(2, QLocale().zeroDigit().at(0));
}

bool isInvisible(char32_t c)
{
    if (c == '\n' || c == '\t') {
        return false;
    }
    if (c == 0x00A0 || c == 0x115F || c == 0x1160 || c == 0x3164 || c == 0xFFA0 || c == 0x2800 ||
        c == 0x034F || c == 0x17B4 || c == 0x17B5 || (c >= 0xFE00 && c <= 0xFE0F) ||
        (c >= 0xE0000 && c <= 0xE0FFF)) {
        return true; // blank or ignored, although Unicode calls some of them letters or marks
    }
    switch (QChar::category(c)) {
    case QChar::Other_Control:
    case QChar::Other_Format:
    case QChar::Other_Surrogate:
    case QChar::Other_PrivateUse:
    case QChar::Other_NotAssigned:
    case QChar::Separator_Line:
    case QChar::Separator_Paragraph:
        return true;
    case QChar::Separator_Space:
        return c != ' ';
    default:
        return false;
    }
}

bool isLatin(char32_t c)
{
    return QChar::script(c) == QChar::Script_Latin;
}

// A letter of the scripts that have twins of Latin letters, and full-width Latin.
bool looksLatin(char32_t c)
{
    const auto script = QChar::script(c);
    return script == QChar::Script_Cyrillic || script == QChar::Script_Greek ||
           script == QChar::Script_Armenian || script == QChar::Script_Cherokee ||
           (c >= 0xFF01 && c <= 0xFF5E) || (c >= 0x1D400 && c <= 0x1D7FF);
}

void mark(QString& out, char32_t c)
{
    out += u"⟨U+"_s + QString::number(quint32(c), 16).toUpper().rightJustified(4, u'0') + u'⟩';
}

} // namespace

QString durationText(qint64 microseconds)
{
    const qint64 us = std::max<qint64>(0, microseconds);
    const QLocale locale;
    if (us > 0 && us < 50'000) {
        return Format::tr("< %1 s").arg(locale.toString(0.1, 'f', 1)); // "0.0 s" looks like nothing
    }
    if (us < 9'950'000) {
        return Format::tr("%1 s").arg(locale.toString(double(us) / 1e6, 'f', 1));
    }
    const qint64 seconds = us / 1'000'000;
    if (seconds < 60) {
        return Format::tr("%1 s").arg(locale.toString(seconds));
    }
    if (seconds < 3600) {
        return Format::tr("%1 min %2 s")
            .arg(locale.toString(seconds / 60), twoDigits(seconds % 60));
    }
    if (seconds < 24 * 3600) {
        return Format::tr("%1 h %2 min")
            .arg(locale.toString(seconds / 3600), twoDigits(seconds / 60 % 60));
    }
    return Format::tr("%1 d %2 h")
        .arg(locale.toString(seconds / 86400), locale.toString(seconds / 3600 % 24));
}

QString ageText(TimeUs time, TimeUs now)
{
    const QLocale locale;
    const qint64 seconds = (now - time) / 1'000'000;
    if (seconds < -1) {
        return Format::tr("in %1").arg(durationText(std::max<qint64>(10'000'000, time - now)));
    }
    if (seconds < 10) {
        return Format::tr("now");
    }
    if (seconds < 60) {
        return Format::tr("%1 s ago").arg(locale.toString(seconds));
    }
    if (seconds < 3600) {
        return Format::tr("%1 min ago").arg(locale.toString(seconds / 60));
    }
    const QDate day = local(time).date();
    const QDate today = local(now).date();
    if (day == today || seconds < 6 * 3600) {
        return Format::tr("%1 h ago").arg(locale.toString(seconds / 3600));
    }
    if (day.daysTo(today) == 1) {
        return Format::tr("yesterday");
    }
    return locale.toString(day, day.year() == today.year() ? u"d MMM"_s : u"d MMM yyyy"_s);
}

QString exactTimeText(TimeUs time)
{
    const QDateTime at = local(time);
    return QLocale().toString(at.date(), u"ddd d MMM yyyy"_s) + u' ' +
           QLocale().toString(at.time(), u"HH:mm:ss"_s) + u' ' + at.timeZoneAbbreviation();
}

QString clockText(TimeUs time, TimeUs now)
{
    const QDateTime at = local(time);
    const QDate today = local(now).date();
    const QString clock = QLocale().toString(at.time(), u"HH:mm"_s);
    if (at.date() == today) {
        return clock;
    }
    if (at.date().daysTo(today) == 1) {
        return Format::tr("yesterday %1").arg(clock);
    }
    return QLocale().toString(at.date(),
                              at.date().year() == today.year() ? u"d MMM"_s : u"d MMM yyyy"_s) +
           u' ' + clock;
}

QString sizeText(qint64 bytes)
{
    const QLocale locale;
    if (bytes < 1024) {
        return Format::tr("%1 B").arg(locale.toString(bytes));
    }
    const double kib = double(bytes) / 1024;
    if (kib < 1024) {
        return Format::tr("%1 KiB").arg(locale.toString(kib, 'f', kib < 100 ? 1 : 0));
    }
    const double mib = kib / 1024;
    if (mib < 1024) {
        return Format::tr("%1 MiB").arg(locale.toString(mib, 'f', mib < 100 ? 1 : 0));
    }
    return Format::tr("%1 GiB").arg(locale.toString(mib / 1024, 'f', 1));
}

QString moneyText(qint64 microUsd)
{
    const QLocale locale;
    if (microUsd > 0 && microUsd < 10'000) {
        return Format::tr("< $%1").arg(locale.toString(0.01, 'f', 2));
    }
    return Format::tr("$%1").arg(locale.toString(double(microUsd) / 1e6, 'f', 2));
}

QString countText(qint64 count)
{
    return QLocale().toString(count);
}

QString visibleText(const QString& text)
{
    QString out;
    out.reserve(text.size());
    const QList<uint> points = text.toUcs4();
    qsizetype wordEnd = 0;
    bool wordHasLatin = false;
    for (qsizetype i = 0; i < points.size(); ++i) {
        const char32_t c = points.at(i);
        if (i >= wordEnd) {
            wordEnd = i;
            wordHasLatin = false;
            while (wordEnd < points.size() && (QChar::isLetterOrNumber(points.at(wordEnd)) ||
                                               QChar::isMark(points.at(wordEnd)))) {
                wordHasLatin = wordHasLatin || isLatin(points.at(wordEnd));
                ++wordEnd;
            }
            wordEnd = std::max(wordEnd, i + 1);
        }
        if (isInvisible(c)) {
            mark(out, c);
            continue;
        }
        out += QString::fromUcs4(&c, 1);
        if (wordHasLatin && looksLatin(c)) {
            mark(out, c);
        } else if (c >= 0xFF01 && c <= 0xFF5E) {
            mark(out, c); // full-width ASCII stands in for commands and paths
        }
    }
    return out;
}

bool hasHiddenCharacters(const QString& text)
{
    return visibleText(text) != text;
}

QString firstLine(const QString& text, int maximum)
{
    const QStringView all = QStringView(text).trimmed();
    const qsizetype end = all.indexOf(u'\n');
    const QStringView line = (end < 0 ? all : all.left(end)).trimmed();
    if (line.size() > maximum) {
        return line.left(maximum) + u'…';
    }
    return line.toString();
}

} // namespace sb::widgets
