#include "ui/models/Words.h"

#include <QCoreApplication>
#include <QLocale>

namespace sb::models {

namespace {

// Gives the sentences below a context that the translators' tools find.
struct Words
{
    Q_DECLARE_TR_FUNCTIONS(Words)
};

} // namespace

QString timeOfDayText(TimeUs time)
{
    return QDateTime::fromMSecsSinceEpoch(time / 1000)
        .time()
        .toString(QStringLiteral("HH:mm:ss.zzz"));
}

QString briefCountText(qint64 count)
{
    const QLocale locale;
    if (count < 10'000) {
        return locale.toString(count);
    }
    if (count < 1'000'000) {
        return Words::tr("%1k").arg(
            locale.toString(double(count) / 1000, 'f', count < 100'000 ? 1 : 0));
    }
    return Words::tr("%1M").arg(locale.toString(double(count) / 1'000'000, 'f', 1));
}

QString processKindText(protocol::ProcessKind kind)
{
    switch (kind) {
    case protocol::ProcessKind::Channel:
        return Words::tr("channel");
    case protocol::ProcessKind::Branch:
        return Words::tr("branch");
    case protocol::ProcessKind::Worker:
        return Words::tr("worker");
    case protocol::ProcessKind::Compactor:
        return Words::tr("compactor");
    case protocol::ProcessKind::Cortex:
        return Words::tr("cortex");
    }
    return {};
}

QString deciderText(const QString& by)
{
    return by == QLatin1StringView("window") ? Words::tr("you") : by;
}

QString quotedArgument(const QString& argument)
{
    const auto isPlain = [](QChar c) {
        return c.isLetterOrNumber() || QStringView(u"-_./:=@%+,").contains(c);
    };
    if (!argument.isEmpty() && std::ranges::all_of(argument, isPlain)) {
        return argument;
    }
    QString quoted = argument;
    quoted.replace(QLatin1Char('\''), QLatin1StringView("'\\''"));
    return QLatin1Char('\'') + quoted + QLatin1Char('\'');
}

QString quotedCommand(const QStringList& argv)
{
    QStringList words;
    words.reserve(argv.size());
    for (const auto& argument : argv) {
        words.append(quotedArgument(argument));
    }
    return words.join(QLatin1Char(' '));
}

} // namespace sb::models
