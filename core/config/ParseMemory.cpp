#include "core/config/ParseMemory.h"

using namespace Qt::StringLiterals;

namespace sb::config {

namespace {

constexpr int fewestWords = 50;
constexpr int mostWords = 500;

/// The complaint at a node, with what the writer may have meant.
std::unexpected<Error> unknown(Reader& reader,
                               const YamlNode& node,
                               const QString& message,
                               const QString& word,
                               const QStringList& known)
{
    auto error = reader.at(node, message + suggestion(word, known));
    if (error.error().message.endsWith("?."_L1)) {
        error.error().message.chop(1); // the question mark ends the sentence
    }
    return error;
}

} // namespace

Result<Memory> readMemory(Reader& reader, const YamlNode& node, const Config& config)
{
    SB_CHECK(reader.keys(node, u"memory"_s, {u"embeddings"_s}));
    Memory memory;
    const YamlNode* given = node.find(u"embeddings");
    if (given == nullptr) {
        return memory;
    }
    const QString what = u"embeddings"_s;
    if (given->kind != YamlNode::Kind::Map) {
        SB_TRY(const QString word, reader.text(*given, what));
        if (word != "hashed"_L1) {
            return reader.at(*given,
                             u"embeddings cannot be \"%1\"; it is hashed, {provider: ID, model: "
                             "NAME} or {folder: PATH}"_s.arg(shortened(word)));
        }
        return memory;
    }
    SB_CHECK(reader.keys(*given, what, {u"provider"_s, u"model"_s, u"folder"_s}));
    const YamlNode* folder = given->find(u"folder");
    const YamlNode* provider = given->find(u"provider");
    if (folder != nullptr && (provider != nullptr || given->find(u"model") != nullptr)) {
        return reader.at(*folder, u"embeddings come from a folder or from a provider, not both"_s);
    }
    if (folder != nullptr) {
        SB_TRY(const QString value, reader.text(*folder, u"folder"_s));
        SB_TRY(memory.embeddings.folder, reader.path(*folder, u"folder"_s, value));
        return memory;
    }
    SB_TRY(memory.embeddings.provider, reader.requiredText(*given, u"provider"_s, what));
    SB_TRY(memory.embeddings.model, reader.requiredText(*given, u"model"_s, what));
    const Provider* const known = config.provider(memory.embeddings.provider);
    if (known == nullptr) {
        QStringList ids;
        for (const Provider& one : config.providers) {
            ids.append(one.id);
        }
        return unknown(reader,
                       *provider,
                       u"there is no provider \"%1\""_s.arg(shortened(memory.embeddings.provider)),
                       memory.embeddings.provider,
                       ids);
    }
    if (known->api != Api::OpenAiChat) {
        return reader.at(*provider,
                         u"the provider \"%1\" makes no embeddings; it takes one with the api "
                         "openai-chat"_s.arg(known->id));
    }
    return memory;
}

Result<AgentMemory> readAgentMemory(Reader& reader, const YamlNode& node)
{
    SB_CHECK(reader.keys(node, u"memory"_s, {u"readers"_s, u"bulletin_words"_s}));
    AgentMemory memory;
    if (const YamlNode* readers = node.find(u"readers")) {
        SB_CHECK(reader.list(*readers, u"readers"_s));
        for (const YamlNode& item : readers->items) {
            SB_TRY(const QString id, reader.text(item, u"a reader"_s));
            if (memory.readers.contains(id)) {
                return reader.at(item, u"the reader \"%1\" is listed twice"_s.arg(shortened(id)));
            }
            memory.readers.append(id);
        }
    }
    if (const YamlNode* words = node.find(u"bulletin_words")) {
        SB_TRY(memory.bulletinWords,
               reader.whole(*words, u"bulletin_words"_s, fewestWords, mostWords));
    }
    return memory;
}

Result<>
checkReaders(Reader& reader, const YamlNode& node, const Agent& agent, const Config& config)
{
    const YamlNode* const memory = node.find(u"memory");
    const YamlNode* const readers = memory != nullptr ? memory->find(u"readers") : nullptr;
    if (readers == nullptr) {
        return {};
    }
    QStringList others;
    for (const Agent& one : config.agents) {
        if (one.id != agent.id) {
            others.append(one.id);
        }
    }
    for (const YamlNode& item : readers->items) {
        if (item.text == agent.id) {
            return reader.at(item, u"an agent always reads its own memory"_s);
        }
        if (!others.contains(item.text)) {
            return unknown(reader,
                           item,
                           u"there is no agent \"%1\""_s.arg(shortened(item.text)),
                           item.text,
                           others);
        }
    }
    return {};
}

} // namespace sb::config
