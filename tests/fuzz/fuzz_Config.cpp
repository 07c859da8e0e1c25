#include "core/config/Config.h"
#include "core/config/Yaml.h"
#include "tests/fuzz/Fuzz.h"

using namespace Qt::StringLiterals;
using namespace sb::config;

// signalbox.yaml: read, or refused with one sentence that says where.
void fuzz(QByteArrayView data)
{
    const QByteArray yaml = data.toByteArray();
    const auto config = parse(yaml, u"signalbox.yaml"_s, {u"/home/x"_s, u"/home/x/sb"_s});
    if (config) {
        FUZZ_CHECK(*config == *parse(yaml, u"signalbox.yaml"_s, {u"/home/x"_s, u"/home/x/sb"_s}));
    } else {
        FUZZ_CHECK(config.error().message.startsWith(u"signalbox.yaml"));
    }
}
