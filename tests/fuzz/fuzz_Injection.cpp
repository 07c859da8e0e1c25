#include "core/packages/Injection.h"
#include "tests/fuzz/Fuzz.h"

using namespace sb::packages;

// Any text may come from a page: places are inside it, and the text itself stays as it was.
void fuzz(QByteArrayView data)
{
    const QString text = QString::fromUtf8(data);
    qsizetype last = 0;
    for (const Finding& finding : scan(text)) {
        FUZZ_CHECK(finding.offset >= last && finding.length > 0);
        FUZZ_CHECK(finding.offset + finding.length <= text.size());
        FUZZ_CHECK(finding.excerpt.size() <= 80 && !finding.excerpt.contains(u'\n'));
        last = finding.offset;
    }
    FUZZ_CHECK(marked(text, QStringLiteral("page")).endsWith(text));
}
