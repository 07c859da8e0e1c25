// Measures what labels cost the gate: bench_gate. Prints one JSON line a figure.
#include "core/tools/GateTaint.h"

#include <QElapsedTimer>
#include <QJsonDocument>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

using namespace sb;
using namespace Qt::StringLiterals;

namespace {

void print(const char* bench, double value, const char* unit)
{
    const QJsonObject line{{u"bench"_s, QLatin1StringView(bench)},
                           {u"value"_s, std::round(value * 1000) / 1000},
                           {u"unit"_s, QLatin1StringView(unit)}};
    std::puts(QJsonDocument(line).toJson(QJsonDocument::Compact).constData());
}

QString output(int number, qsizetype size)
{
    QString text;
    for (int i = 0; text.size() < size; ++i) {
        text +=
            u"line %1 of %2: what a program prints while it works\n"_s.arg(i * 7919).arg(number);
    }
    return text;
}

double median(std::vector<double> values)
{
    std::ranges::sort(values);
    return values[values.size() / 2];
}

} // namespace

int main()
{
    // What a worker has read after thirty calls.
    tools::Labelling labelling;
    for (int i = 0; i < 30; ++i) {
        labelling.read.add(std::make_shared<taint::Fingerprint>(output(i, 4000)),
                           taint::settled({taint::entering({taint::Label::UntrustedFile},
                                                           u"wrk-1"_s,
                                                           u"the file src/%1.cpp"_s.arg(i))},
                                          i + 1,
                                          1));
    }
    tools::Context context;
    context.workspace = u"/work/demo"_s;
    tools::Plan plan;
    plan.arguments = {{u"command"_s, u"cmake --build build --target all && ctest -R unit"_s}};
    plan.action.tool = u"shell"_s;
    plan.action.subject = plan.arguments.value(u"command"_s).toString();
    plan.action.effect = policy::Effect::Execute;
    const auto redact = [](const QString& text) { return text; };
    std::vector<double> with;
    std::vector<double> bare;
    for (int i = 0; i < 3000; ++i) {
        QElapsedTimer timer;
        timer.start();
        (void)policy::decide({}, plan.action);
        bare.push_back(double(timer.nsecsElapsed()) / 1000);
        timer.restart();
        const auto known = tools::labelled(plan, labelling, context, redact);
        (void)policy::decide({}, known.plan.action);
        with.push_back(double(timer.nsecsElapsed()) / 1000);
    }
    print("gate.labels", median(with) - median(bare), "us");

    const QString large = output(0, 1 << 20);
    std::vector<double> reading;
    for (int i = 0; i < 11; ++i) {
        const taint::Fingerprint fingerprint(large);
        QElapsedTimer timer;
        timer.start();
        (void)fingerprint.has(1);
        reading.push_back(double(timer.nsecsElapsed()) / 1e6);
    }
    print("gate.fingerprint_1mb", median(reading), "ms");
    return 0;
}
