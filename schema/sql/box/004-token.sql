-- The keys of a case hold its progress token now, for the turned screen. Where there are cases, every projection is made
-- anew at the next start, as after a release that knows more than the one before.
INSERT INTO meta (key, value)
SELECT 'feed_unknown_by', 'before tokens' WHERE EXISTS (SELECT 1 FROM cases)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;
