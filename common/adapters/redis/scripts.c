#include "adapters/redis/scripts.h"

#include <pthread.h>

#include "formats/checksum.h"

/* clang-format off */

#define BASE "local K = KEYS[1]\n"

/* version(): the version of a change.  Where there is none the engine is new, or was emptied,
 * or that key was damaged: it is whole from now on.  An ACL that forbids INCR ends the script,
 * the second time. */
#define VERSION \
	"local function version()\n" \
	"  local v = redis.pcall('INCR', K .. 'version')\n" \
	"  if type(v) ~= 'number' or v < 1000000000000000 or v > 9000000000000000 then\n" \
	"    local t = redis.call('TIME')\n" \
	"    v = t[1] * 1000000 + t[2]\n" \
	"    redis.call('SET', K .. 'version', string.format('%.0f', v))\n" \
	"    v = redis.call('INCR', K .. 'version')\n" \
	"    redis.call('SET', K .. 'born', string.format('%.0f', v))\n" \
	"    local whole = string.format('%.0f', math.floor(v / 1000) + 1)\n" \
	"    redis.call('SET', K .. 'whole', whole)\n" \
	"  end\n" \
	"  return string.format('%.0f', v)\n" \
	"end\n"

/* Is a server's version that one; and put its facts, and an event unless that is "".  Facts
 * that are damaged are anybody's to replace.  Where keys are lost (evicted), what a process
 * remembers of them is wrong: then it is made to read them again. */
#define SERVER \
	"local function is_server(name, expected)\n" \
	"  local old = redis.call('HGET', K .. 'servers', name)\n" \
	"  local v = old and string.match(old, '^([1-9]%d*) ') or '0'\n" \
	"  if v == expected or old and (v == '0' or #v > 16) then return true end\n" \
	"  if not old then\n" \
	"    redis.call('SET', K .. 'born', version())\n" \
	"  elseif expected == '0' then\n" \
	"    redis.call('ZADD', K .. 'changed', version(), name)\n" \
	"  end\n" \
	"  return false\n" \
	"end\n" \
	"local function put_server(name, facts, event, most, v)\n" \
	"  redis.call('HSET', K .. 'servers', name, v .. ' ' .. facts)\n" \
	"  redis.call('ZADD', K .. 'changed', v, name)\n" \
	"  if event ~= '' then\n" \
	"    redis.call('LPUSH', K .. 'events', event)\n" \
	"    redis.call('LTRIM', K .. 'events', 0, most - 1)\n" \
	"  end\n" \
	"end\n"

/* mapping(): a mapping's version, peak and server; nothing when it is none, or damaged. */
#define MAPPING \
	"local function mapping(text)\n" \
	"  local v, peak, home = string.match(text or '',\n" \
	"    '^([1-9]%d*) (%d+) [^\\n]*\\n([^\\n]+)')\n" \
	"  if v and #v <= 16 then return v, peak, home end\n" \
	"end\n"

static const char *const texts[REDIS_SCRIPTS] = {
	/* RUN_ID, IS_LOST, SPARE_MS.  Another engine than before (a replica that took over,
	 * or one that was started again with what is on its disk) may lack the last writes:
	 * no version that they had is given again, and all is read anew. */
	[SCRIPT_HELLO] = BASE VERSION
	    "local function get(key)\n"
	    "  local text = redis.pcall('GET', K .. key)\n"
	    "  return type(text) == 'string' and text or ''\n"
	    "end\n"
	    "local v = version()\n"
	    "local t = redis.call('TIME')\n"
	    "local is_other = get('engine') ~= ARGV[1]\n"
	    "local born = get('born')\n"
	    "if is_other and born ~= v or not string.match(born, '^[1-9]%d*$') then\n"
	    "  v = string.format('%.0f', math.max(v + 1000000, t[1] * 1000000 + t[2]))\n"
	    "  redis.call('SET', K .. 'version', v)\n"
	    "  redis.call('SET', K .. 'born', v)\n"
	    "end\n"
	    "local is_whole = string.match(get('whole'), '^[1-9]%d*$')\n"
	    "if is_other or ARGV[2] == '1' or not is_whole then\n"
	    "  local whole = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[3]\n"
	    "  redis.call('SET', K .. 'whole', string.format('%.0f', whole))\n"
	    "  redis.call('SET', K .. 'engine', ARGV[1])\n"
	    "end\n"
	    "return v\n",

	/* VERSION, BORN, HOST: what changed since then, {BORN, WHOLE, SECONDS, MICROSECONDS,
	 * NAME, FACTS, …}; all of it where BORN is another.  That the HOST read it is noted
	 * unless it is "", or cannot be. */
	[SCRIPT_SERVERS] = BASE
	    "local born = redis.call('GET', K .. 'born') or ''\n"
	    "local t = redis.call('TIME')\n"
	    "if ARGV[3] ~= '' then redis.pcall('HSET', K .. 'hosts', ARGV[3], t[1]) end\n"
	    "local out = {born, redis.call('GET', K .. 'whole') or '', t[1], t[2]}\n"
	    "local since = ARGV[2] == born and ARGV[1] or '0'\n"
	    "local names = redis.call('ZRANGEBYSCORE', K .. 'changed', '(' .. since, '+inf')\n"
	    "for i = 1, #names, 1000 do\n"
	    "  local last = math.min(i + 999, #names)\n"
	    "  local facts = redis.call('HMGET', K .. 'servers', unpack(names, i, last))\n"
	    "  for k = i, last do\n"
	    "    out[#out + 1] = names[k]\n"
	    "    out[#out + 1] = facts[k - i + 1] or ''\n"
	    "  end\n"
	    "end\n"
	    "return out\n",

	/* NAME, VERSION, FACTS, EVENT, EVENTS: the new version, or nothing when it is
	 * stale. */
	[SCRIPT_SERVER_SET] = BASE VERSION SERVER
	    "if not is_server(ARGV[1], ARGV[2]) then return false end\n"
	    "local v = version()\n"
	    "put_server(ARGV[1], ARGV[3], ARGV[4], ARGV[5], v)\n"
	    "return v\n",

	/* MEETINGID: {MAPPING, FACTS, ABSENT, WHOLE}. */
	[SCRIPT_MEETING_GET] = BASE MAPPING
	    "local m = redis.call('GET', K .. 'm:' .. ARGV[1])\n"
	    "local _, _, server = mapping(m)\n"
	    "local whole = redis.pcall('GET', K .. 'whole')\n"
	    "if type(whole) ~= 'string' then whole = '' end\n"
	    "if server then\n"
	    "  return {m, redis.call('HGET', K .. 'servers', server) or '', '', whole}\n"
	    "end\n"
	    "return {'', '', redis.call('GET', K .. 'absent:' .. ARGV[1]) or '', whole}\n",

	/* MEETINGID, VERSION, MAPPING, SEEN, NOW, TTL, and, where a server's facts are a
	 * condition, its NAME, VERSION and, where they are set, FACTS, EVENT, EVENTS:
	 * {"OK", VERSION}, {"CONFLICT", MAPPING}, {"STALE", MAPPING}. */
	[SCRIPT_MEETING_SET] = BASE VERSION SERVER MAPPING
	    "local id, key = ARGV[1], K .. 'm:' .. ARGV[1]\n"
	    "local old = redis.call('GET', key)\n"
	    "local there, peak, home = mapping(old)\n"
	    "if not there then old, there = '', '0' end\n"
	    "if there ~= ARGV[2] then return {'CONFLICT', old} end\n"
	    "if ARGV[7] and not is_server(ARGV[7], ARGV[8]) then return {'STALE', old} end\n"
	    "local v = version()\n"
	    "if ARGV[9] then put_server(ARGV[7], ARGV[9], ARGV[10], ARGV[11], v) end\n"
	    "local target = string.match(ARGV[3], '\\n([^\\n]*)')\n"
	    "if home and target ~= home then\n"
	    "  if peak ~= '0' then\n"
	    "    redis.call('HSET', K .. 'peaks', id, peak)\n"
	    "    redis.call('ZADD', K .. 'peaked', ARGV[5], id)\n"
	    "  end\n"
	    "  redis.call('ZREM', K .. 'on:' .. home, id)\n"
	    "end\n"
	    "if target then\n"
	    "  redis.call('SET', key, v .. ' ' .. ARGV[3], 'PX', ARGV[6])\n"
	    "  redis.call('ZADD', K .. 'on:' .. target, ARGV[4], id)\n"
	    "  redis.call('SADD', K .. 'homes', target)\n"
	    "  redis.call('DEL', K .. 'absent:' .. id)\n"
	    "else\n"
	    "  redis.call('DEL', key)\n"
	    "end\n"
	    "return {'OK', v}\n",

	/* SERVER: {MEETINGID, MAPPING, …}. */
	[SCRIPT_MEETINGS_ON] = BASE MAPPING
	    "local key = K .. 'on:' .. ARGV[1]\n"
	    "local ids = redis.call('ZRANGE', key, 0, -1)\n"
	    "local out = {}\n"
	    "for i = 1, #ids do\n"
	    "  local m = redis.call('GET', K .. 'm:' .. ids[i])\n"
	    "  if mapping(m) then\n"
	    "    out[#out + 1] = ids[i]\n"
	    "    out[#out + 1] = m\n"
	    "  end\n"
	    "end\n"
	    "return out\n",

	/* MEETINGID, "AT UNTIL", TTL. */
	[SCRIPT_ABSENT_PUT] = BASE
	    "if redis.call('EXISTS', K .. 'm:' .. ARGV[1]) == 0 then\n"
	    "  redis.call('SET', K .. 'absent:' .. ARGV[1], ARGV[2], 'PX', ARGV[3])\n"
	    "end\n"
	    "return 1\n",

	/* HOLDER, NOW, UNTIL, AHEAD: 1, or 0 while another holds it. */
	[SCRIPT_LEASE_TAKE] = BASE
	    "local lease = redis.call('GET', K .. 'lease')\n"
	    "if lease then\n"
	    "  local holder, taken, till = string.match(lease, '^(%d+) (%d+) (%d+)$')\n"
	    "  if holder and holder ~= ARGV[1] and tonumber(till) > tonumber(ARGV[2])\n"
	    "      and tonumber(taken) <= ARGV[2] + ARGV[4] then\n"
	    "    return 0\n"
	    "  end\n"
	    "end\n"
	    "redis.call('SET', K .. 'lease', ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3])\n"
	    "return 1\n",

	/* HOST, SEEN, WAIT, {SERVER, MAY_LEAVE}, …: of each server 1; or 0 where it is left to
	 * another host of those that were seen in the last SEEN seconds, as this one polled
	 * it last, and has not come for it for so long as WAIT (microseconds), never later
	 * than that after the time before.  Of each server there is who polled it last, since
	 * when that host comes for it again, and when it did last. */
	[SCRIPT_POLLS_BEGIN] = BASE
	    "local t = redis.call('TIME')\n"
	    "local now = t[1] * 1000000 + t[2]\n"
	    "local hosts = redis.call('HGETALL', K .. 'hosts')\n"
	    "local has_others = false\n"
	    "for i = 1, #hosts, 2 do\n"
	    "  local seen = tonumber(hosts[i + 1]) or 0\n"
	    "  if hosts[i] ~= ARGV[1] and seen >= t[1] - ARGV[2] then has_others = true end\n"
	    "end\n"
	    "local function is_new(time)\n"
	    "  return time <= now and now - time < tonumber(ARGV[3])\n"
	    "end\n"
	    "local function begins(server, may_leave)\n"
	    "  local polled = redis.call('HGET', K .. 'polled', server) or ''\n"
	    "  local since, came, host = string.match(polled, '^(%d+) (%d+) (.*)$')\n"
	    "  since, came = tonumber(since or 0), tonumber(came or 0)\n"
	    "  local is_left = may_leave == '1' and has_others and host == ARGV[1]\n"
	    "  if is_left and not is_new(came) then\n"
	    "    since = now\n"
	    "  elseif is_left and not is_new(since) then\n"
	    "    is_left = false\n"
	    "  end\n"
	    "  if is_left then came = now else since, came = 0, 0 end\n"
	    "  local text = string.format('%.0f %.0f ', since, came) .. ARGV[1]\n"
	    "  if text ~= polled then redis.call('HSET', K .. 'polled', server, text) end\n"
	    "  return is_left and 0 or 1\n"
	    "end\n"
	    "local out = {}\n"
	    "for i = 4, #ARGV, 2 do out[#out + 1] = begins(ARGV[i], ARGV[i + 1]) end\n"
	    "return out\n",

	/* SERVER, NOW, STEP_US, AHEAD, LONGEST: the slot's time in microseconds.  This is
	 * pacing_take (pacing.h): were it done by compare and set, all of a crowd but one
	 * would have to try again, each time. */
	[SCRIPT_SLOT_TAKE] = BASE
	    "local pacing = redis.call('HGET', K .. 'pacing', ARGV[1])\n"
	    "local at = ARGV[2] * 1000\n"
	    "if pacing then\n"
	    "  local next, taken = string.match(pacing, '^(%d+) (%d+)$')\n"
	    "  next, taken = tonumber(next or 0), tonumber(taken or 0)\n"
	    "  local last = at + ARGV[5] * 1000\n"
	    "  if taken <= ARGV[2] + ARGV[4] and next > at and next <= last then\n"
	    "    at = next\n"
	    "  end\n"
	    "end\n"
	    "redis.call('HSET', K .. 'pacing', ARGV[1],\n"
	    "  string.format('%.0f', at + ARGV[3]) .. ' ' .. ARGV[2])\n"
	    "return string.format('%.0f', at)\n",

	/* NOW, RENEW, KEEP, then RECORDID, SERVER, IS_THERE of each: how many were written. */
	[SCRIPT_RECORDINGS_PUT] = BASE
	    "local n = 0\n"
	    "for i = 4, #ARGV, 3 do\n"
	    "  local key, server = K .. 'r:' .. ARGV[i], ARGV[i + 1]\n"
	    "  local at = redis.call('HGET', key, server)\n"
	    "  if ARGV[i + 2] == '0' then\n"
	    "    if at then\n"
	    "      redis.call('HDEL', key, server)\n"
	    "      redis.call('ZREM', K .. 'recordings', ARGV[i] .. '\\n' .. server)\n"
	    "      n = n + 1\n"
	    "    end\n"
	    "  elseif not tonumber(at or '') or ARGV[1] - at >= tonumber(ARGV[2]) then\n"
	    "    redis.call('HSET', key, server, ARGV[1])\n"
	    "    redis.call('PEXPIRE', key, ARGV[3])\n"
	    "    redis.call('ZADD', K .. 'recordings', ARGV[1], ARGV[i] .. '\\n' .. server)\n"
	    "    n = n + 1\n"
	    "  end\n"
	    "end\n"
	    "return n\n",

	/* SERVER, FIELD, DIGEST, ANSWER, IS_FILTERED, MOST. */
	[SCRIPT_LIST_PUT] = BASE
	    "local lists, digests = K .. 'lists:' .. ARGV[1], K .. 'digests:' .. ARGV[1]\n"
	    "local listed = K .. 'listed:' .. ARGV[1]\n"
	    "redis.call('HSET', lists, ARGV[2], ARGV[4])\n"
	    "redis.call('HSET', digests, ARGV[2], ARGV[3])\n"
	    "if ARGV[5] == '1' then\n"
	    "  local t = redis.call('TIME')\n"
	    "  redis.call('ZADD', listed, t[1] * 1000000 + t[2], ARGV[2])\n"
	    "  local more = redis.call('ZCARD', listed) - ARGV[6]\n"
	    "  if more > 0 then\n"
	    "    for _, field in ipairs(redis.call('ZRANGE', listed, 0, more - 1)) do\n"
	    "      redis.call('HDEL', lists, field)\n"
	    "      redis.call('HDEL', digests, field)\n"
	    "      redis.call('ZREM', listed, field)\n"
	    "    end\n"
	    "  end\n"
	    "end\n"
	    "return 1\n",

	/* SERVER, CALL. */
	[SCRIPT_LISTS_DROP] = BASE
	    "local head = ARGV[2] .. '\\n'\n"
	    "for _, field in ipairs(redis.call('HKEYS', K .. 'digests:' .. ARGV[1])) do\n"
	    "  if string.sub(field, 1, #head) == head then\n"
	    "    redis.call('HDEL', K .. 'lists:' .. ARGV[1], field)\n"
	    "    redis.call('HDEL', K .. 'digests:' .. ARGV[1], field)\n"
	    "    redis.call('ZREM', K .. 'listed:' .. ARGV[1], field)\n"
	    "  end\n"
	    "end\n"
	    "return 1\n",

	/* ID, HOOK, ANEW, MOST: "OK", "EXISTS", "CONFLICT", "FULL". */
	[SCRIPT_HOOK_PUT] = BASE
	    "if redis.call('HEXISTS', K .. 'hooks', ARGV[1]) == 1 then return 'EXISTS' end\n"
	    "if ARGV[3] == '0' and redis.call('ZSCORE', K .. 'dropped', ARGV[1]) then\n"
	    "  return 'CONFLICT'\n"
	    "end\n"
	    "if redis.call('HLEN', K .. 'hooks') >= tonumber(ARGV[4]) then return 'FULL' end\n"
	    "redis.call('HSET', K .. 'hooks', ARGV[1], ARGV[2])\n"
	    "redis.call('ZREM', K .. 'dropped', ARGV[1])\n"
	    "return 'OK'\n",

	/* ID, NOW, BEFORE, MOST: those that were dropped before are forgotten. */
	[SCRIPT_HOOK_DROP] = BASE
	    "redis.call('HDEL', K .. 'hooks', ARGV[1])\n"
	    "redis.call('ZADD', K .. 'dropped', ARGV[2], ARGV[1])\n"
	    "redis.call('ZREMRANGEBYSCORE', K .. 'dropped', '-inf', '(' .. ARGV[3])\n"
	    "redis.call('ZREMRANGEBYRANK', K .. 'dropped', 0, -1 - ARGV[4])\n"
	    "return 1\n",

	/* NOW, INTERVAL, then before when what is forgotten, and how much of it is kept:
	 * MEETINGS, PEAKS, MOST, RECORDINGS, MOST, HOOKS, MOST, TRENDS (a minute), HOSTS (a
	 * second); then NAME, VERSION of each server that is forgotten if it is still so.  A
	 * mapping that was lost (evicted), or whose time was over, stays in the
	 * set of its server, and may be to another one by now. */
	[SCRIPT_PURGE] = BASE MAPPING VERSION
	    "local age = ARGV[1] - (tonumber(redis.call('GET', K .. 'purged') or 0) or 0)\n"
	    "if age >= 0 and age < tonumber(ARGV[2]) then return 0 end\n"
	    "redis.call('SET', K .. 'purged', ARGV[1])\n"
	    /* PURGE_GAP_MS; where it was never done it is longer. */
	    "if age > 2 * ARGV[2] and age < tonumber(ARGV[1]) then return 0 end\n"
	    "for _, home in ipairs(redis.call('SMEMBERS', K .. 'homes')) do\n"
	    "  local key = K .. 'on:' .. home\n"
	    "  local old = redis.call('ZRANGEBYSCORE', key, '-inf', '(' .. ARGV[3])\n"
	    "  for _, id in ipairs(old) do\n"
	    "    local m = redis.pcall('GET', K .. 'm:' .. id)\n"
	    "    local _, _, now = mapping(type(m) == 'string' and m or '')\n"
	    "    if not now or now == home then redis.call('DEL', K .. 'm:' .. id) end\n"
	    "    redis.call('ZREM', key, id)\n"
	    "  end\n"
	    "  if redis.call('EXISTS', key) == 0 then\n"
	    "    redis.call('SREM', K .. 'homes', home)\n"
	    "  end\n"
	    "end\n"
	    "local function forget(times, before, most, drop)\n"
	    "  local old = redis.call('ZRANGEBYSCORE', times, '-inf', '(' .. before)\n"
	    "  for _, one in ipairs(old) do drop(one) end\n"
	    "  redis.call('ZREMRANGEBYSCORE', times, '-inf', '(' .. before)\n"
	    "  local more = redis.call('ZCARD', times) - most\n"
	    "  if more <= 0 then return end\n"
	    "  local many = redis.call('ZRANGE', times, 0, more - 1)\n"
	    "  for _, one in ipairs(many) do drop(one) end\n"
	    "  redis.call('ZREMRANGEBYRANK', times, 0, more - 1)\n"
	    "end\n"
	    "forget(K .. 'peaked', ARGV[4], ARGV[5], function(id)\n"
	    "  redis.call('HDEL', K .. 'peaks', id)\n"
	    "end)\n"
	    "forget(K .. 'recordings', ARGV[6], ARGV[7], function(one)\n"
	    "  local id, server = string.match(one, '^(.*)\\n([^\\n]*)$')\n"
	    "  if id then redis.call('HDEL', K .. 'r:' .. id, server) end\n"
	    "end)\n"
	    "forget(K .. 'dropped', ARGV[8], ARGV[9], function() end)\n"
	    "local trends = redis.call('HGETALL', K .. 'trends')\n"
	    "for i = 1, #trends, 2 do\n"
	    "  local minute = string.match(trends[i + 1], '^(%d+)')\n"
	    "  if not minute or tonumber(minute) < tonumber(ARGV[10]) then\n"
	    "    redis.call('HDEL', K .. 'trends', trends[i])\n"
	    "  end\n"
	    "end\n"
	    "local hosts = redis.call('HGETALL', K .. 'hosts')\n"
	    "for i = 1, #hosts, 2 do\n"
	    "  if (tonumber(hosts[i + 1]) or 0) < tonumber(ARGV[11]) then\n"
	    "    redis.call('HDEL', K .. 'hosts', hosts[i])\n"
	    "  end\n"
	    "end\n"
	    "local is_any = false\n"
	    "for i = 12, #ARGV, 2 do\n"
	    "  local name = ARGV[i]\n"
	    "  local facts = redis.call('HGET', K .. 'servers', name)\n"
	    "  if facts and string.match(facts, '^(%d+) ') == ARGV[i + 1] then\n"
	    "    is_any = true\n"
	    "    redis.call('HDEL', K .. 'servers', name)\n"
	    "    redis.call('ZREM', K .. 'changed', name)\n"
	    "    redis.call('HDEL', K .. 'pacing', name)\n"
	    "    redis.call('HDEL', K .. 'polled', name)\n"
	    "    redis.call('DEL', K .. 'lists:' .. name, K .. 'digests:' .. name,\n"
	    "      K .. 'listed:' .. name)\n"
	    "  end\n"
	    "end\n"
	    "if is_any then redis.call('SET', K .. 'born', version()) end\n"
	    "return 1\n",
};
/* clang-format on */

const char *
script_text(enum redis_script script)
{
	return texts[script];
}

static char shas[REDIS_SCRIPTS][CHECKSUM_HEX_SIZE];
static pthread_once_t shas_once = PTHREAD_ONCE_INIT;

static void
make_shas(void)
{
	for (size_t i = 0; i < REDIS_SCRIPTS; i++)
		checksum_make(CHECKSUM_SHA1, STR(""), STR(""), str_from(texts[i]), shas[i]);
}

const char *
script_sha(enum redis_script script)
{
	pthread_once(&shas_once, make_shas);
	return shas[script];
}
