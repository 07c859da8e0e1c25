// What a call of a WebAssembly tool costs: warm (its process lives, its module is known), with a
// host call in it, and cold, from starting the process to the answer. Each warm call is a fresh
// instance. One JSON object a line.
#include "core/wasm/Hosts.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <algorithm>
#include <cstdio>
#include <vector>

using namespace sb;
using namespace sb::wasm;
using namespace Qt::StringLiterals;

namespace {

double at(std::vector<double>& values, double part)
{
    std::ranges::sort(values);
    return values[std::min(values.size() - 1, size_t(double(values.size()) * part))];
}

void print(const char* name, const char* unit, std::vector<double> values)
{
    printf("{\"bench\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"p99\":%.1f,\"least\":%.1f}\n",
           name,
           at(values, 0.5),
           unit,
           at(values, 0.99),
           at(values, 0));
}

} // namespace

int main(int argc, char** argv)
{
    const QCoreApplication application(argc, argv);
    const int rounds = argc > 1 ? QString::fromLocal8Bit(argv[1]).toInt() : 20'000;
    SystemClock clock;
    auto echo = moduleFromFile(QStringLiteral(SB_WASM_MODULES "/shape8.wasm"));
    auto asking = moduleFromFile(QStringLiteral(SB_WASM_MODULES "/attacks.wasm"));
    if (!echo || !asking) {
        fprintf(stderr, "the test modules are missing\n");
        return 1;
    }
    const auto settings = [] {
        Hosts::Settings made;
        made.program = QStringLiteral(SB_BIN_DIR "/signalbox-wasm-host");
        return made;
    };
    const auto callOf = [](const Module& module, const QByteArray& input) {
        Call call;
        call.owner = u"bench"_s;
        call.tool = u"bench"_s;
        call.module = module;
        call.input = input;
        call.hostCall = [](const QByteArray&, Reply reply) { reply("{\"ok\":1}"); };
        return call;
    };
    const auto measured = [](Hosts& hosts, const Call& call) -> std::optional<double> {
        QElapsedTimer timer;
        timer.start();
        const auto outcome = hosts.call(call, {}).wait();
        if (!outcome || outcome->ending != Ending::Finished) {
            fprintf(stderr, "a call failed\n");
            return std::nullopt;
        }
        return double(timer.nsecsElapsed()) / 1000;
    };

    std::vector<double> cold;
    for (int i = 0; i < 20; ++i) {
        Hosts hosts(settings(), clock);
        const auto time = measured(hosts, callOf(*asking, "{}"));
        if (!time) {
            return 1;
        }
        cold.push_back(*time / 1000);
    }
    print("wasm.cold_process", "ms", cold);

    Hosts hosts(settings(), clock);
    const Call warm = callOf(*echo, R"({"text": "a few words"})");
    (void)measured(hosts, warm);
    std::vector<double> calls;
    std::vector<double> asked;
    std::vector<double> modules;
    for (int i = 0; i < rounds; ++i) {
        const auto time = measured(hosts, warm);
        if (!time) {
            return 1;
        }
        calls.push_back(*time);
    }
    const Call ask = callOf(*asking, R"({"method":"time_now"})");
    (void)measured(hosts, ask);
    for (int i = 0; i < rounds / 4; ++i) {
        asked.push_back(measured(hosts, ask).value_or(0));
    }
    // A module that the process does not know yet: another hash for the same code.
    for (int i = 0; i < 200; ++i) {
        auto bytes = asking->bytes + QByteArray("\0\5\4", 3) + QByteArray::number(1000 + i);
        auto fresh = moduleFromBytes(bytes);
        modules.push_back(fresh ? measured(hosts, callOf(*fresh, "{}")).value_or(0) : 0);
    }
    print("wasm.warm_call", "us", calls);
    print("wasm.warm_call_with_host_call", "us", asked);
    print("wasm.new_module", "us", modules);
    return 0;
}
