# Turns a text file into one C string literal, for what a program has built in. Use: awk -f text.awk FILE
{
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	printf "\"%s\\n\"\n", $0
}
