#include "core/runtime/Suspicion.h"

#include "core/packages/Injection.h"

#include <QRegularExpression>
#include <QStringList>

using namespace Qt::StringLiterals;

namespace sb::runtime {

namespace {

struct Pattern
{
    QRegularExpression expression;
    QString why;
};

/// What only reads like an instruction where it is to be remembered: in a page it is a sentence
/// like any other.
const QList<Pattern>& patterns()
{
    const auto words = [](const QString& expression) {
        return QRegularExpression(expression, QRegularExpression::CaseInsensitiveOption);
    };
    static const QList<Pattern> all{
        {words(u"\\b(send|transfer|wire|pay|forward|remit)\\b.{0,60}\\b(money|funds|payments?|"
               "bitcoin|btc|crypto|salary|invoices?|dollars?|euros?|usd|eur)\\b"_s),
         u"it says where money is to go"_s},
        {words(u"\\b(send|forward|upload|post|e-?mail|share|paste)\\b.{0,60}\\b(passwords?|"
               "credentials?|api keys?|tokens?|secrets?|private keys?)\\b"_s),
         u"it says where keys are to go"_s},
        {words(u"\\A\\W*(please\\s+|always\\s+)?(remember|memori[sz]e|note|store)( this| that)?"
               "( for (later|ever|good))?\\s*[:,–-]"_s),
         u"it tells the agent what to remember"_s},
        {words(
             u"\\b(you|the (agent|assistant|model|ai)) (must|shall|should|will|may) (now |"
             "from now on |always |never )?(trust|obey|ignore|approve|accept|allow|execute|run)\\b"_s),
         u"it tells the agent whom to obey"_s},
    };
    return all;
}

} // namespace

QString suspicionOf(const QString& text)
{
    QStringList why;
    for (const Pattern& pattern : patterns()) {
        if (pattern.expression.match(text).hasMatch()) {
            why.append(pattern.why);
        }
    }
    QStringList kinds;
    for (const auto& finding : packages::scan(text)) {
        const QString name = packages::findingName(finding.kind);
        if (finding.severity != packages::Severity::Low && !kinds.contains(name)) {
            kinds.append(name);
        }
    }
    if (!kinds.isEmpty()) {
        why.append(u"it talks to the agent (%1)"_s.arg(kinds.join(u", "_s)));
    }
    return why.isEmpty() ? QString() : u"Reads like an instruction: %1."_s.arg(why.join(u"; "_s));
}

} // namespace sb::runtime
