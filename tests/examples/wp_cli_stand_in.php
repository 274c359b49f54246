<?php
// Stands in for WP-CLI around the plugin's command: what it prints is kept, and an error ends it as WP-CLI would.

namespace WP_CLI\Utils {
    class Bar
    {
        public int $ticks = 0;

        public function tick(int $by): void
        {
            $this->ticks += $by;
        }

        public function finish(): void
        {
            \WP_CLI::$printed[] = "bar: $this->ticks";
        }
    }

    function make_progress_bar(string $title, int $total): Bar
    {
        return new Bar();
    }
}

namespace {
    class WP_CLI_Error extends Exception
    {
    }

    class WP_CLI
    {
        public static array $printed = [];
        private static array $commands = [];

        public static function add_command(string $name, string $class): void
        {
            self::$commands[$name] = $class;
        }

        public static function run(string $name, string $subcommand): void
        {
            try {
                (new self::$commands[$name]())->$subcommand([], []);
            } catch (WP_CLI_Error $error) {
                self::$printed[] = 'Error: ' . $error->getMessage();
            }
        }

        public static function success(string $sentence): void
        {
            self::$printed[] = "Success: $sentence";
        }

        public static function warning(string $sentence): void
        {
            self::$printed[] = "Warning: $sentence";
        }

        public static function error(string $sentence): void
        {
            throw new WP_CLI_Error($sentence);
        }
    }
}
